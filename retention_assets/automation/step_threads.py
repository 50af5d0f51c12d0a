"""How a run executes its steps: on threads of one process, which share one Spark session.

Dagster's in-process executor runs one step after another, and its multiprocess executor would start
a Spark session per step. Most of a step's time is spent waiting for Spark's driver, so without this
a second core would be idle.
"""

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from importlib import import_module
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.events import DagsterEvent, EngineEventData
from dagster._core.execution.api import ExecuteRunWithPlanIterable
from dagster._core.execution.compute_logs import create_compute_log_file_key
from dagster._core.execution.context_creation_job import PlanExecutionContextManager
from dagster._core.execution.plan.execute_plan import dagster_event_sequence_for_step
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.base import Executor

if TYPE_CHECKING:
    from dagster._core.execution.context.system import (
        PlanExecutionContext,
        PlanOrchestrationContext,
        StepExecutionContext,
    )
    from dagster._core.execution.plan.active import ActiveExecution
    from dagster._core.execution.plan.plan import ExecutionPlan

STEPS_AT_ONCE = 3


class StepThreads(Executor):
    """Runs up to `STEPS_AT_ONCE` steps at a time in this process."""

    @property
    def retries(self) -> RetryMode:
        return RetryMode.ENABLED

    def execute(
        self, plan_context: "PlanOrchestrationContext", execution_plan: "ExecutionPlan"
    ) -> Iterator[DagsterEvent]:
        message = f"Executing steps on {STEPS_AT_ONCE} threads of this process"
        data = EngineEventData.in_process(os.getpid(), execution_plan.step_keys_to_execute)
        yield DagsterEvent.engine_event(plan_context, message, data)
        contexts = PlanExecutionContextManager(
            job=plan_context.job,
            retry_mode=plan_context.retry_mode,
            execution_plan=plan_context.execution_plan,
            run_config=plan_context.run_config,
            dagster_run=plan_context.dagster_run,
            instance=plan_context.instance,
            raise_on_error=False,
            output_capture=plan_context.output_capture,
        )
        yield from ExecuteRunWithPlanIterable(
            execution_plan=plan_context.execution_plan,
            iterator=_run_plan,
            execution_context_manager=contexts,
        )


@dg.executor(name="step_threads", config_schema={})
def step_threads(_: dg.InitExecutorContext) -> StepThreads:
    """The executor of every job of the code location."""
    return StepThreads()


def _run_plan(
    job_context: "PlanExecutionContext", execution_plan: "ExecutionPlan"
) -> Iterator[DagsterEvent]:
    # Dagster's queries use SQLAlchemy on every thread. While one thread imports its `orm` (Great
    # Expectations and MLflow do), the queries of the others fail, so it is imported before.
    import_module("sqlalchemy.orm")
    instance = job_context.instance
    with ExitStack() as stack:
        concurrency = stack.enter_context(
            InstanceConcurrencyContext(instance, job_context.dagster_run)
        )
        active = stack.enter_context(
            execution_plan.start(
                retry_mode=job_context.retry_mode,
                max_concurrent=STEPS_AT_ONCE,
                instance_concurrency_context=concurrency,
            )
        )
        steps = [step.key for step in execution_plan.get_steps_to_execute_in_topo_order()]
        log_key = instance.compute_log_manager.build_log_key_for_run(
            job_context.run_id, create_compute_log_file_key()
        )
        log = stack.enter_context(instance.compute_log_manager.capture_logs(log_key))
        yield DagsterEvent.capture_logs(job_context, steps, log_key, log)
        threads = stack.enter_context(ThreadPoolExecutor(STEPS_AT_ONCE, "step"))
        yield from _run_steps(job_context, active, threads)


def _run_steps(
    job_context: "PlanExecutionContext", active: "ActiveExecution", threads: ThreadPoolExecutor
) -> Iterator[DagsterEvent]:
    """Hands ready steps to the threads and their events to Dagster, until every step has ended."""
    queue: SimpleQueue[DagsterEvent | Future[None]] = SimpleQueue()
    running: dict[Future[None], str] = {}
    while not active.is_complete:
        for step in active.get_steps_to_execute():
            context: Any = job_context.for_step(step, active.get_known_state())
            future = threads.submit(_run_step, context, queue)
            running[future] = step.key
            future.add_done_callback(queue.put)
        yield from active.concurrency_event_iterator(job_context)
        if not running:
            active.sleep_til_ready()
            continue
        item = queue.get()
        if isinstance(item, DagsterEvent):
            yield item
            active.handle_event(item)
            continue
        step_key = running.pop(item)
        item.result()
        active.verify_complete(job_context, step_key)
        yield from active.plan_events_iterator(job_context)


def _run_step(context: "StepExecutionContext", queue: "SimpleQueue[Any]") -> None:
    for event in dagster_event_sequence_for_step(context):
        queue.put(event)
