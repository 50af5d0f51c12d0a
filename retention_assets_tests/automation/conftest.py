"""The small graph and an empty Dagster instance."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from retention_assets.services.instance import open_log
from retention_assets.settings import Settings
from retention_assets_tests.automation.graph import Graph


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    return Graph(Settings(home=tmp_path))


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        open_log(ephemeral)
        yield ephemeral
