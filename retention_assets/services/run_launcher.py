"""Dagster's run launcher, extended to tell whether the process of a run is still alive.

The code server closes a run whose process died. This covers a run whose code server died as well,
and one that `retention run` executed by itself. Named in dagster.yaml.
"""

import psutil
from dagster import DagsterEventType, DagsterRun
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus

CLOCK_TOLERANCE_S = 1.0


class WatchedRunLauncher(DefaultRunLauncher):
    """`DefaultRunLauncher` with health checks. Runs and the daemon of a home share a machine."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """FAILED if the process of the run is gone; RUNNING too if no event names one yet."""
        worker = self._worker(run.run_id)
        if worker is None or _is_alive(*worker):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, f"Process {worker[0]} is gone.")

    def _worker(self, run_id: str) -> tuple[int, float] | None:
        """Process id of the run, and when it was recorded, as its newest event with one says."""
        entries = self._instance.all_logs(run_id, of_type=DagsterEventType.ENGINE_EVENT)
        for entry in reversed(entries):
            metadata = entry.get_dagster_event().engine_event_data.metadata
            if "pid" in metadata:
                return int(str(metadata["pid"].value)), entry.timestamp
        return None


def _is_alive(pid: int, recorded: float) -> bool:
    """Whether the process runs and is older than the record: the system gives numbers away anew."""
    try:
        process = psutil.Process(pid)
        older = process.create_time() <= recorded + CLOCK_TOLERANCE_S
        return older and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
