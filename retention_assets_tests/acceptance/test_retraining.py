"""New data leads to a new model that answers, although the first run that reads it is killed."""

import os
import signal
from datetime import date, timedelta
from typing import Any

import dagster as dg
import psutil
import pytest

from retention_assets.services.instance import open_instance
from retention_assets.services.processes import home_processes
from retention_assets.simulation.simulator import FIRST_DATE
from retention_assets_tests.acceptance.running_platform import RunningPlatform
from retention_assets_tests.acceptance.source import DAYS, SHIFTED_DAYS, deliver_shifted_days
from retention_assets_tests.waiting import eventually

pytestmark = pytest.mark.long


def runs(platform: RunningPlatform, job: str) -> list[dg.DagsterRun]:
    with open_instance(platform.settings) as instance:
        return list(instance.get_runs(dg.RunsFilter(job_name=job)))


def run_processes(platform: RunningPlatform, run_id: str) -> list[psutil.Process]:
    """Processes of this home that were started for the run."""
    processes = []
    for process in home_processes(platform.settings.home):
        try:
            if any(run_id in part for part in process.cmdline()):
                processes.append(process)
        except psutil.Error:
            continue
    return processes


def kill_first_run(platform: RunningPlatform, job: str) -> str:
    """Kills the process of the job's first run once it has started. Returns the run's id."""
    assert eventually(
        lambda: any(run.status == dg.DagsterRunStatus.STARTED for run in runs(platform, job)),
        seconds=120,
    )
    (run,) = runs(platform, job)
    with open_instance(platform.settings) as instance:
        entries = instance.all_logs(run.run_id)
    pids = {entry.dagster_event.pid for entry in entries if entry.dagster_event} - {None}
    assert pids
    for pid in pids:
        os.kill(int(str(pid)), signal.SIGKILL)
    return run.run_id


def test_new_data_leads_to_a_new_model_over_http(
    platform: RunningPlatform, first_run: dict[str, Any]
) -> None:
    """Nobody starts anything here: days arrive, the first run that reads them is killed, and
    automation does the rest.
    """
    shift = FIRST_DATE + timedelta(days=DAYS)
    deliver_shifted_days(platform.settings, shift)
    killed = kill_first_run(platform, "new_days")
    customer = first_run["prediction"]["customer_id"]

    def new_model_answers() -> bool:
        response = platform.http.post("/predict", json={"customer_id": customer})
        return response.status_code == 200 and response.json()["model_version"] != "1"

    assert eventually(new_model_answers, seconds=840), platform.json("status")
    answer = platform.http.post("/predict", json={"customer_id": customer}).json()
    status = platform.json("status")
    assert answer["model_version"] == status["champion"]["churn"]["version"]
    assert answer["model_digest"] == status["champion"]["churn"]["digest"]
    assert date.fromisoformat(status["watermark"]) == shift + timedelta(days=SHIFTED_DAYS - 1)
    assert platform.run_status(killed) == "FAILURE"
    training = runs(platform, "training")
    assert len(training) == 1
    assert "drifted" in training[0].tags["retention/reason"]
