"""A run that is killed in the middle of a write leaves the table as it was, and the next run makes it as if nothing had been."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from retention_assets.automation.backlog import range_tags
from retention_assets.ingestion.assets import raw_table
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.settings import Settings
from retention_assets.simulation.simulator import FIRST_DATE, simulate
from retention_assets.sources.contracts import TABLES

KEY = "raw/engagement_events"
DAYS, CUSTOMERS, ATTEMPTS = 40, 3000, 3
RUN = "from retention_assets_tests.test_killed_run import run_alone; run_alone()"


def fill(settings: Settings, lake: Lake, days: int) -> None:
    """Makes the table of the first days in one run, as the platform does."""
    asset = raw_table(Platform.of(settings), TABLES["engagement_events"])
    tags = range_tags(FIRST_DATE, FIRST_DATE + timedelta(days=days - 1))
    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize([asset], resources={"lake": lake}, tags=tags, instance=instance)


def run_alone() -> None:
    """What the killed process does: all days, with a Spark of its own. Settings come from its environment."""
    settings = Settings()
    fill(settings, Lake.of(settings), DAYS)


def data_files(table: Path) -> set[Path]:
    return {file for file in table.rglob("*.parquet") if "_delta_log" not in file.parts}


def commits(table: Path) -> set[str]:
    return {file.name for file in table.glob("_delta_log/*.json")}


def killed_in_a_write(settings: Settings, table: Path) -> bool:
    """Runs all days in a process and kills it, Java included, once it has begun a data file. Whether that was in time."""
    files, before = data_files(table), commits(table)
    root = Path(__file__).parents[1]
    process = subprocess.Popen(
        [sys.executable, "-c", RUN], cwd=root, env=settings.environment(), start_new_session=True
    )
    try:
        while data_files(table) <= files and process.poll() is None:
            time.sleep(0.002)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
    return (
        process.wait() == -signal.SIGKILL and data_files(table) > files and commits(table) == before
    )


def rows(lake: Lake) -> Counter:
    return Counter(
        tuple(row.asDict().values()) for row in lake.read(KEY).drop("parse_errors").collect()
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    simulate(folder, customers=CUSTOMERS, days=DAYS, seed=3)
    return folder


@pytest.mark.parametrize(
    "days_before", [0, 10], ids=["in its first write", "over a table that is in use"]
)
def test_a_killed_run_changes_nothing_and_its_rerun_gives_what_an_undisturbed_run_gives(
    days_before: int, source: Path, own_lake: Lake, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path, spark_master="local[2]", spark_memory="1g")
    settings.simulated_dir.parent.mkdir(parents=True)
    settings.simulated_dir.symlink_to(source)
    assert own_lake.root == settings.lake_root
    if days_before:
        fill(settings, own_lake, days_before)
    earlier = rows(own_lake) if days_before else Counter()

    assert any(killed_in_a_write(settings, Path(own_lake.path(KEY))) for _ in range(ATTEMPTS))

    assert (rows(own_lake) if own_lake.exists(KEY) else Counter()) == earlier
    fill(settings, own_lake, DAYS)
    after_all = rows(own_lake)
    undisturbed = Lake(
        root=str(tmp_path / "undisturbed"), home=own_lake.home, spark_conf=own_lake.spark_conf
    )
    undisturbed._session = own_lake.spark
    fill(settings, undisturbed, DAYS)
    assert after_all == rows(undisturbed) and sum(after_all.values()) > 10_000
