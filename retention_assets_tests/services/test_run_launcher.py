"""A run counts as dead when its process is gone, and only then."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import psutil
import pytest
from dagster._core.events import EngineEventData
from dagster._core.launcher import WorkerStatus
from dagster._core.test_utils import create_run_for_test
from dagster._daemon.monitoring.run_monitoring import monitor_started_run

from retention_assets.services.instance import open_instance
from retention_assets.services.run_launcher import WatchedRunLauncher
from retention_assets.settings import Settings


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with open_instance(Settings(home=tmp_path)) as instance:
        yield instance


def started_run(instance: dg.DagsterInstance, pid: int | None) -> dg.DagsterRun:
    """A run that is under way in the process; None: no event names one."""
    run = create_run_for_test(instance, status=dg.DagsterRunStatus.STARTED)
    if pid is not None:
        instance.report_engine_event("started", run, EngineEventData({"pid": str(pid)}))
    return run


def health(instance: dg.DagsterInstance, run: dg.DagsterRun) -> WorkerStatus:
    assert isinstance(instance.run_launcher, WatchedRunLauncher)
    return instance.run_launcher.check_run_worker_health(run).status


def monitor(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRunStatus:
    """Status of the run after Dagster's monitoring has looked at it."""
    record = instance.get_run_record_by_id(run.run_id)
    assert record is not None
    monitor_started_run(instance, None, record, logging.getLogger("test"))  # type: ignore[arg-type]
    after = instance.get_run_by_id(run.run_id)
    assert after is not None
    return after.status


def ended_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_monitoring_is_on_and_launcher_checks_health(instance: dg.DagsterInstance) -> None:
    assert instance.run_monitoring_enabled
    assert instance.run_launcher.supports_check_run_worker_health
    assert instance.run_coordinator.dequeue_interval_seconds == 1  # type: ignore[attr-defined]


def test_run_whose_process_ended_is_closed(instance: dg.DagsterInstance) -> None:
    run = started_run(instance, ended_process())
    assert health(instance, run) == WorkerStatus.FAILED
    assert monitor(instance, run) == dg.DagsterRunStatus.FAILURE


def test_run_whose_process_lives_stays_open(instance: dg.DagsterInstance) -> None:
    run = started_run(instance, os.getpid())
    assert monitor(instance, run) == dg.DagsterRunStatus.STARTED


def test_run_that_names_no_process_stays_open(instance: dg.DagsterInstance) -> None:
    run = started_run(instance, None)
    assert monitor(instance, run) == dg.DagsterRunStatus.STARTED


def test_zombie_process_counts_as_dead(instance: dg.DagsterInstance) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    run = started_run(instance, process.pid)
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        pass
    assert health(instance, run) == WorkerStatus.FAILED
    process.wait()


def test_reused_process_number_counts_as_dead(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = started_run(instance, os.getpid())
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: 4e9)
    assert health(instance, run) == WorkerStatus.FAILED


def test_in_process_run_names_its_process(instance: dg.DagsterInstance) -> None:
    """What `retention run` executes is watched like a launched run."""
    statuses: list[WorkerStatus] = []

    @dg.asset
    def probe(context: dg.AssetExecutionContext) -> None:
        launcher = context.instance.run_launcher
        assert isinstance(launcher, WatchedRunLauncher)
        worker = launcher._worker(context.run.run_id)
        assert worker is not None and worker[0] == os.getpid()
        statuses.append(launcher.check_run_worker_health(context.run).status)

    job = dg.Definitions([probe], executor=dg.in_process_executor)
    job.resolve_implicit_global_asset_job_def().execute_in_process(instance=instance)
    assert statuses == [WorkerStatus.RUNNING]
