"""A run that is killed during a write leaves the table as it was; the next run completes it."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
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
DAYS = 20
CUSTOMERS = 1500
ATTEMPTS = 3
RUN = "from retention_assets_tests.test_killed_run import fill_all_days; fill_all_days()"


def fill(settings: Settings, lake: Lake, days: int) -> None:
    """Materializes the table of the first days in one run, as the platform does."""
    asset = raw_table(Platform.of(settings), TABLES["engagement_events"])
    tags = range_tags(FIRST_DATE, FIRST_DATE + timedelta(days=days - 1))
    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize([asset], resources={"lake": lake}, tags=tags, instance=instance)


def fill_all_days() -> None:
    """What the killed process runs, with its own Spark. Settings come from its environment."""
    settings = Settings()
    fill(settings, Lake.of(settings), DAYS)


def data_files(table: Path) -> set[Path]:
    return {file for file in table.rglob("*.parquet") if "_delta_log" not in file.parts}


def commits(table: Path) -> set[str]:
    return {file.name for file in table.glob("_delta_log/*.json")}


def kill_during_write(settings: Settings, table: Path) -> bool:
    """Starts a run of all days and kills it, Java included, once it has begun a data file.

    Returns whether the run was killed before its commit.
    """
    files_before = data_files(table)
    commits_before = commits(table)
    clone = Path(__file__).parents[1]
    process = subprocess.Popen(
        [sys.executable, "-c", RUN], cwd=clone, env=settings.environment(), start_new_session=True
    )
    try:
        while data_files(table) <= files_before and process.poll() is None:
            time.sleep(0.002)
    finally:
        with suppress(ProcessLookupError):  # the run ended before it could be killed
            os.killpg(process.pid, signal.SIGKILL)
    was_killed = process.wait() == -signal.SIGKILL
    return was_killed and data_files(table) > files_before and commits(table) == commits_before


def settings_of(home: Path, source: Path) -> Settings:
    """Of a home whose simulated source is the given folder."""
    settings = Settings(home=home, spark_master="local[2]", spark_memory="1g")
    settings.simulated_dir.parent.mkdir(parents=True)
    settings.simulated_dir.symlink_to(source)
    return settings


def rows(lake: Lake) -> Counter:
    return Counter(
        tuple(row.asDict().values()) for row in lake.read(KEY).drop("parse_errors").collect()
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    simulate(folder, customers=CUSTOMERS, days=DAYS, seed=3)
    return folder


@pytest.fixture(scope="module")
def undisturbed(
    source: Path, module_lake: Lake, tmp_path_factory: pytest.TempPathFactory
) -> Counter:
    """The rows after one run of all days that nobody killed."""
    fill(settings_of(tmp_path_factory.mktemp("undisturbed"), source), module_lake, DAYS)
    return rows(module_lake)


@pytest.mark.parametrize("days_before", [0, 5], ids=["first write", "existing table"])
def test_rerun_after_kill_equals_undisturbed_run(
    days_before: int, source: Path, undisturbed: Counter, own_lake: Lake, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path, source)
    assert own_lake.root == settings.lake_root
    if days_before:
        fill(settings, own_lake, days_before)
    rows_before = rows(own_lake) if days_before else Counter()

    assert any(kill_during_write(settings, Path(own_lake.path(KEY))) for _ in range(ATTEMPTS))

    assert (rows(own_lake) if own_lake.exists(KEY) else Counter()) == rows_before
    fill(settings, own_lake, DAYS)
    assert rows(own_lake) == undisturbed
    assert sum(undisturbed.values()) > 5_000
