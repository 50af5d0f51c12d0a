"""`run_graph` before the first asset: one run per home, and the simulated source it reads."""

import fcntl
import io
from pathlib import Path

import dagster as dg
import pytest
from rich.console import Console

from retention_assets.automation import graph_run
from retention_assets.cli.progress import RunDisplay
from retention_assets.errors import SetupError
from retention_assets.platform import Platform
from retention_assets.settings import Settings
from retention_assets.simulation.simulator import FIRST_DATE


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    return Platform.of(Settings(home=tmp_path, simulated_customers=20, simulated_days=30))


def test_second_run_in_a_home_is_refused(platform: Platform) -> None:
    screen = io.StringIO()
    with (platform.settings.home / "run.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(SetupError, match="or `rollback` is at work") as error:
            graph_run.run_graph(
                dg.Definitions(), platform, select=None, reporter=RunDisplay(Console(file=screen))
            )
    assert str(platform.settings.home) in error.value.problem
    assert screen.getvalue() == ""


def test_simulated_source_is_made_once(platform: Platform) -> None:
    screen = io.StringIO()
    reporter = RunDisplay(Console(file=screen, width=200))
    for _ in range(2):
        graph_run._prepare_source(platform, reporter)
    lines = [line for line in screen.getvalue().splitlines() if line.strip()]
    assert len(lines) == 1
    assert lines[0].startswith("Simulated source: 20 customers, 30 days, seed 7, in ")
    assert (platform.settings.simulated_dir / "transactions" / f"{FIRST_DATE}.parquet").exists()
