"""The marker of a `retention run`: while one is active, automation starts nothing.

`retention run` materializes everything that follows from its source by itself.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dagster as dg
import psutil

from retention_assets.automation.backlog import IN_FLIGHT
from retention_assets.services.instance import read_state, write_state

MANUAL_RUN = "retention/manual_run"  # tag of the runs that `retention run` executes
PROCESS = "manual_run"  # name of the state that holds the id of the `retention run` process


def manual_run_active(instance: dg.DagsterInstance) -> bool:
    """Whether a `retention run` is active, also between its Dagster runs."""
    process = read_state(instance, PROCESS)
    return bool(process) and _is_alive(process)


@contextmanager
def manual_run(instance: dg.DagsterInstance) -> Iterator[None]:
    """Keeps automation waiting. Runs that a killed `retention run` left open are closed first, and
    the tables that they wrote are free for other writers.
    """
    for run in instance.get_runs(dg.RunsFilter(tags={MANUAL_RUN: "true"}, statuses=IN_FLIGHT)):
        instance.report_run_failed(run, "The process of this `retention run` no longer exists.")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    process = {"pid": os.getpid(), "started": psutil.Process().create_time()}
    write_state(instance, PROCESS, process)
    try:
        yield
    finally:
        write_state(instance, PROCESS, {})


def _is_alive(process: Mapping[str, Any]) -> bool:
    try:
        # A new process may have the same id, but not the same start.
        return psutil.Process(process["pid"]).create_time() == process["started"]
    except psutil.NoSuchProcess:
        return False
