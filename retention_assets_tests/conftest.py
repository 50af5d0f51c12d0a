"""What several rooms' tests need: settings of their own, one lake, and so one Spark session, for the whole suite."""

import os
from pathlib import Path

import pytest

from retention_assets.resources.lake import Lake, give_main_module_a_file
from retention_assets.settings import Settings

DATA_DIR = Settings().data_dir or Path(__file__).parents[2] / "shared" / "data"
give_main_module_a_file()  # the suite's workers are spawned, as Dagster's runs are
for name in [name for name in os.environ if name.startswith("RETENTION_")]:
    del os.environ[name]  # a platform that its user runs is neither read nor touched


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data sets, there or not."""
    return DATA_DIR


@pytest.fixture(scope="session")
def online_retail_dir() -> Path:
    """The folder that holds the real invoices; a test that needs them is skipped where they are not."""
    if not (DATA_DIR / "online_retail" / "by-day").is_dir():
        pytest.skip(
            f"no Online Retail files in {DATA_DIR}: set RETENTION_DATA_DIR to where they lie"
        )
    return DATA_DIR


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake in a folder of its own, on a small local Spark. Tests share it: each writes under keys of its own."""
    return Lake.of(
        Settings(home=tmp_path_factory.mktemp("lake"), spark_master="local[2]", spark_memory="1g")
    )


def _lake_in(folder: Path, lake: Lake) -> Lake:
    own = Lake(root=str(folder / "lake"), home=lake.home, spark_conf=lake.spark_conf)
    own._session = lake.spark
    return own


@pytest.fixture
def own_lake(lake: Lake, tmp_path: Path) -> Lake:
    """Folders of this test's own, in the suite's one Spark session."""
    return _lake_in(tmp_path, lake)


@pytest.fixture(scope="module")
def module_lake(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Folders of this module's own, for tables that its tests share."""
    return _lake_in(tmp_path_factory.mktemp("module"), lake)
