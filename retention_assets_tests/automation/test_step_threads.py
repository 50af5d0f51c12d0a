"""Steps of a run side by side: their order, their limits, and what a failure leaves behind."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import dagster as dg
import yaml

from retention_assets.automation.step_threads import STEPS_AT_ONCE, step_threads
from retention_assets.settings import DAGSTER_YAML

PATIENCE_S = 30


def run(*assets: dg.AssetsDefinition) -> tuple[dg.DagsterRunStatus, list[dg.EventLogEntry]]:
    """Runs all assets; status and events of the run."""
    with dg.DagsterInstance.ephemeral() as instance:
        finished = execute(instance, *assets)
        return finished.status, list(instance.all_logs(finished.run_id))


def execute(instance: dg.DagsterInstance, *assets: dg.AssetsDefinition) -> dg.DagsterRun:
    """Runs all assets as `retention run` does."""
    from dagster._core.definitions.job_base import InMemoryJob
    from dagster._core.execution.api import execute_run

    job = dg.Definitions(assets, executor=step_threads).resolve_implicit_global_asset_job_def()
    created = instance.create_run_for_job(job_def=job)
    execute_run(InMemoryJob(job), created, instance, raise_on_error=False)
    finished = instance.get_run_by_id(created.run_id)
    assert finished is not None
    return finished


def steps(events: list[dg.EventLogEntry], kind: dg.DagsterEventType) -> list[str]:
    return [str(entry.step_key) for entry in events if entry.dagster_event_type == kind]


def test_independent_steps_run_side_by_side() -> None:
    """Each waits for the other to have started: one after another they would never end."""
    barrier = threading.Barrier(2)

    def waiting(name: str) -> dg.AssetsDefinition:
        @dg.asset(name=name)
        def wait() -> None:
            barrier.wait(PATIENCE_S)

        return wait

    status, events = run(waiting("a"), waiting("b"))
    assert status == dg.DagsterRunStatus.SUCCESS
    assert sorted(steps(events, dg.DagsterEventType.STEP_SUCCESS)) == ["a", "b"]


def test_steps_wait_for_their_inputs() -> None:
    @dg.asset
    def first() -> None:
        time.sleep(0.2)

    @dg.asset(deps=[first])
    def second() -> None: ...

    _, events = run(second, first)
    order = [
        (entry.dagster_event_type, entry.step_key)
        for entry in events
        if entry.dagster_event_type
        in (dg.DagsterEventType.STEP_START, dg.DagsterEventType.STEP_SUCCESS)
    ]
    assert [step for _, step in order] == ["first", "first", "second", "second"]


def test_steps_at_once_are_limited() -> None:
    running = 0
    most = 0
    lock = threading.Lock()

    def counting(name: str) -> dg.AssetsDefinition:
        @dg.asset(name=name)
        def count() -> None:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            time.sleep(0.1)
            with lock:
                running -= 1

        return count

    status, _ = run(*(counting(f"step_{number}") for number in range(6)))
    assert status == dg.DagsterRunStatus.SUCCESS
    assert most == STEPS_AT_ONCE


def test_step_waits_while_another_run_writes_its_table(tmp_path: Path) -> None:
    """A run of the UI beside `retention run`."""
    events = []

    @dg.asset(pool="raw/orders")
    def orders() -> None:
        events.append("written")

    settings = {"concurrency": yaml.safe_load(DAGSTER_YAML.read_text())["concurrency"]}
    with dg.DagsterInstance.local_temp(str(tmp_path), overrides=settings) as instance:
        slots = instance.event_log_storage
        slots.initialize_concurrency_limit_to_default("raw/orders")
        assert slots.claim_concurrency_slot("raw/orders", "other_run", "orders").is_claimed

        def end_other_run() -> None:
            events.append("other run ended")
            slots.free_concurrency_slots_for_run("other_run")

        timer = threading.Timer(2, end_other_run)
        timer.start()
        status = execute(instance, orders).status
        timer.join()
    assert status == dg.DagsterRunStatus.SUCCESS
    assert events == ["other run ended", "written"]


def test_failed_step_skips_only_what_needs_it() -> None:
    @dg.asset
    def broken() -> None:
        raise ValueError("no such file")

    @dg.asset(deps=[broken])
    def downstream() -> None: ...

    @dg.asset
    def independent() -> None:
        time.sleep(0.2)

    status, events = run(broken, downstream, independent)
    assert status == dg.DagsterRunStatus.FAILURE
    assert steps(events, dg.DagsterEventType.STEP_FAILURE) == ["broken"]
    assert steps(events, dg.DagsterEventType.STEP_SUCCESS) == ["independent"]
    assert "downstream" not in steps(events, dg.DagsterEventType.STEP_START)


def test_failed_blocking_check_stops_downstream() -> None:
    check = dg.AssetCheckSpec("is_sound", asset="table", blocking=True)

    @dg.asset(check_specs=[check])
    def table() -> dg.MaterializeResult:
        return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=False)])

    @dg.asset(deps=[table])
    def downstream() -> None: ...

    status, events = run(table, downstream)
    assert status == dg.DagsterRunStatus.FAILURE
    assert steps(events, dg.DagsterEventType.STEP_START) == ["table"]


ORM_CHECK = """
import sys
import dagster as dg
from retention_assets_tests.automation.test_step_threads import run

@dg.asset
def check() -> None:
    assert "sqlalchemy.orm.exc" in sys.modules

assert "sqlalchemy.orm.exc" not in sys.modules
status, _ = run(check)
assert status == dg.DagsterRunStatus.SUCCESS, status
"""


def test_orm_is_imported_before_the_threads_start() -> None:
    """A library that imports it on one thread would break Dagster's queries on the others."""
    subprocess.run([sys.executable, "-c", ORM_CHECK], check=True, timeout=120)
