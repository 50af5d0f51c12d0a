"""What several rooms' tests need: one lake, and so one Spark session, for the whole suite."""

from pathlib import Path

import pytest

from retention_assets.resources.lake import Lake
from retention_assets.settings import Settings


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake in a folder of its own, on a small local Spark. Tests share it: each writes under keys of its own."""
    return Lake.of(Settings(home=tmp_path_factory.mktemp("lake"), spark_master="local[2]", spark_memory="1g"))


@pytest.fixture
def own_lake(lake: Lake, tmp_path: Path) -> Lake:
    """Folders of this test's own, in the suite's one Spark session."""
    own = Lake(root=str(tmp_path / "lake"), home=lake.home, spark_conf=lake.spark_conf)
    own._session = lake.spark
    return own
