"""How a run looks on the screen: one line per asset with rows and seconds. All other output goes
to a log file.

Reads Dagster's events; starts nothing.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from rich.console import Console

from retention_assets.errors import RunFailedError
from retention_assets.resources.metadata import ROW_COUNT, ROWS_OF_RUN

LABEL_WIDTH = 46
CHECKS_SHOWN = 3


@contextmanager
def redirect_output(log: Path) -> Iterator[None]:
    """Appends to the file what this process and its children, Java included, write to stdout and
    stderr.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    originals = [os.dup(stream) for stream in (1, 2)]
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    _flush()
    for stream in (1, 2):
        os.dup2(target, stream)
    try:
        yield
    finally:
        _flush()
        for stream, original in zip((1, 2), originals, strict=True):
            os.dup2(original, stream)
        for descriptor in (target, *originals):
            os.close(descriptor)


def open_console(stream: int) -> Console:
    """A console on a copy of the stream, which `redirect_output` leaves alone."""
    return Console(
        file=os.fdopen(os.dup(stream), "w", buffering=1), highlight=False, soft_wrap=True
    )


class RunDisplay:
    """The RunReporter of the command line. It follows one Dagster run after another."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.failure: RunFailedError | None = None
        self._started: dict[str, float] = {}
        self._rows: dict[str, dict[str, int | None]] = {}
        self._failed_checks: dict[str, list[str]] = {}
        self._status = console.status("")

    def message(self, text: str) -> None:
        """Prints one line."""
        self.console.print(text)

    @contextmanager
    def activity(self, text: str) -> Iterator[Callable[[str], None]]:
        """Shows a spinner with a text that the yielded function replaces."""
        with self.console.status(text) as status:
            yield status.update

    @contextmanager
    def title(self, text: str) -> Iterator[None]:
        """A heading above the lines of one run, and a spinner while the run goes on."""
        self.console.print(f"[bold]{text}[/]")
        self._status = self.console.status("starting")
        with self._status:
            yield

    def on_event(self, entry: dg.EventLogEntry) -> None:
        """Takes one event of the run. All events go to the log, few to the screen."""
        event = entry.dagster_event
        # A range has hundreds of partitions; their events differ in the partition only.
        if not (event and event.partition):
            print(entry.user_message or entry.message, file=sys.stderr, flush=True)
        if event is None or entry.step_key is None:
            return
        step = entry.step_key
        if event.is_step_start:
            self._started[step] = time.monotonic()
            self._status.update(step.replace("__", "/"))
        elif event.is_step_materialization:
            materialization = event.step_materialization_data.materialization
            metadata = materialization.metadata
            # A run over partitions gives its total with the last one of each asset.
            count = metadata.get(ROW_COUNT) or metadata.get(ROWS_OF_RUN)
            rows = self._rows.setdefault(step, {})
            key = materialization.asset_key.to_user_string()
            rows[key] = int(str(count.value)) if count else rows.get(key)
        elif event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            evaluation = event.asset_check_evaluation_data
            if not evaluation.passed:
                self._failed_checks.setdefault(step, []).append(evaluation.check_name)
        elif event.is_step_success:
            self._show_success(step)
        elif event.is_step_failure:
            self._show_failure(step, event)

    def _show_success(self, step: str) -> None:
        seconds = time.monotonic() - self._started.pop(step, time.monotonic())
        rows = self._rows.pop(step, {})
        label = _label(list(rows)) or step.replace("__", "/")
        counts = " + ".join(f"{count:,}" for count in rows.values() if count is not None)
        size = f"{counts} rows" if counts else ""
        failed = self._failed_checks.pop(step, [])
        names = ", ".join(failed[:CHECKS_SHOWN])
        more = f" and {len(failed) - CHECKS_SHOWN} more" if len(failed) > CHECKS_SHOWN else ""
        mark = f"  [yellow]failed checks: {names}{more}[/]" if failed else ""
        self.console.print(f"  {label:{LABEL_WIDTH}} {size:>24} {seconds:7.1f} s{mark}")

    def _show_failure(self, step: str, event: dg.DagsterEvent) -> None:
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


def _label(keys: list[str]) -> str:
    """The keys in one line: `{validated, quarantine}/orders` where only the stage differs."""
    stages = [key.rpartition("/")[0] for key in keys]
    nouns = {key.rpartition("/")[2] for key in keys}
    if len(keys) > 1 and len(nouns) == 1 and all(stages):
        return f"{{{', '.join(stages)}}}/{nouns.pop()}"
    return ", ".join(keys)


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
