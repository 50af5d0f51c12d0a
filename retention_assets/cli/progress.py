"""What a person sees of a run while it goes on: one line an asset with rows and seconds, the noise of libraries in a file.

Reads Dagster's events; starts nothing.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from rich.console import Console

from retention_assets.errors import RunFailedError

LABEL_WIDTH = 46


@contextmanager
def noise_into(log: Path) -> Iterator[None]:
    """Sends all that this process and its children write to stdout and stderr into the file, also what Java writes."""
    log.parent.mkdir(parents=True, exist_ok=True)
    saved = os.dup(1), os.dup(2)
    sink = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    _flush()
    for stream in (1, 2):
        os.dup2(sink, stream)
    try:
        yield
    finally:
        _flush()
        for stream, original in zip((1, 2), saved, strict=True):
            os.dup2(original, stream)
        for descriptor in (sink, *saved):
            os.close(descriptor)


def own_console(stream: int) -> Console:
    """A console on a copy of the stream, which `noise_into` does not redirect."""
    return Console(
        file=os.fdopen(os.dup(stream), "w", buffering=1), highlight=False, soft_wrap=True
    )


class Progress:
    """Listens to one run after another."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.failure: RunFailedError | None = None
        self._began: dict[str, float] = {}
        self._rows: dict[str, dict[str, int | None]] = {}
        self._checks: dict[str, list[str]] = {}
        self._status = console.status("")

    @contextmanager
    def title(self, text: str) -> Iterator[None]:
        """A heading above the lines of one run, and a turning mark while it goes on."""
        self.console.print(f"[bold]{text}[/]")
        self._status = self.console.status("starting")
        with self._status:
            yield

    def hear(self, entry: dg.EventLogEntry) -> None:
        """One event of the run. All of them go to the log; few to the screen."""
        event = entry.dagster_event
        if not (
            event and event.partition
        ):  # a range has hundreds of partitions, all with the same line
            print(entry.user_message or entry.message, file=sys.stderr, flush=True)
        if event is None or entry.step_key is None:
            return
        step = entry.step_key
        if event.is_step_start:
            self._began[step] = time.monotonic()
            self._status.update(step.replace("__", "/"))
        elif event.is_step_materialization:
            made = event.step_materialization_data.materialization
            count = made.metadata.get("dagster/row_count")
            self._rows.setdefault(step, {})[made.asset_key.to_user_string()] = (
                int(str(count.value)) if count else None
            )
        elif event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            verdict = event.asset_check_evaluation_data
            if not verdict.passed:
                self._checks.setdefault(step, []).append(verdict.check_name)
        elif event.is_step_success:
            self._finished(step)
        elif event.is_step_failure:
            self._failed(step, event)

    def _finished(self, step: str) -> None:
        seconds = time.monotonic() - self._began.pop(step, time.monotonic())
        made = self._rows.pop(step, {})
        label = ", ".join(made) or step.replace("__", "/")
        rows = " + ".join(f"{count:,}" for count in made.values() if count is not None)
        told = f"{rows} rows" if rows else ""
        failed = self._checks.pop(step, [])
        mark = (
            f"  [yellow]{len(failed)} checks not passed: {', '.join(failed[:3])}[/]"
            if failed
            else ""
        )
        self.console.print(f"  {label:{LABEL_WIDTH}} {told:>24} {seconds:7.1f} s{mark}")

    def _failed(self, step: str, event: dg.DagsterEvent) -> None:
        error = event.step_failure_data.error
        while error and error.cause:
            error = error.cause
        cause = " ".join((error.message if error else "no message").split())
        name = step.replace("__", "/")
        self.console.print(f"  {name:{LABEL_WIDTH}} [red]failed[/]")
        if event.step_failure_data.error:
            print(event.step_failure_data.error.to_string(), file=sys.stderr, flush=True)
        problem, _, fix = cause.partition(" Fix: ")
        self.failure = self.failure or RunFailedError(f"{name} failed: {problem}", fix)


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
