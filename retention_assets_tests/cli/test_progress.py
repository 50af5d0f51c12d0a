"""What the screen shows of a run: a line per asset, and the first failure with its fix."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import dagster as dg
from rich.console import Console

from retention_assets.cli.progress import RunDisplay
from retention_assets.errors import ProfileError


def rows(count: int) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"dagster/row_count": count})


@dg.asset(
    check_specs=[dg.AssetCheckSpec(name, asset=["raw", "orders"]) for name in ("fresh", "whole")],
    key=["raw", "orders"],
)
def orders() -> dg.MaterializeResult:
    checks = [
        dg.AssetCheckResult(check_name="fresh", passed=True),
        dg.AssetCheckResult(check_name="whole", passed=False),
    ]
    return dg.MaterializeResult(metadata={"dagster/row_count": 1234567}, check_results=checks)


@dg.multi_asset(
    specs=[dg.AssetSpec(["validated", "orders"]), dg.AssetSpec(["quarantine", "orders"])]
)
def split_orders():
    for stage, count in (("validated", 1000), ("quarantine", 0)):
        yield dg.MaterializeResult(
            asset_key=[stage, "orders"], metadata={"dagster/row_count": count}
        )


@dg.multi_asset(specs=[dg.AssetSpec("model"), dg.AssetSpec("note")])
def train():
    yield dg.MaterializeResult(asset_key="model", metadata={"dagster/row_count": 7})
    yield dg.MaterializeResult(asset_key="note")


@dg.asset
def days() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"dagster/partition_row_count": 2, "rows_of_run": 500})


@dg.asset
def fixable() -> None:
    try:
        raise ProfileError("The file [a].csv has no column id.", "Name it in the profile.")
    except ProfileError as error:
        raise RuntimeError("reading failed") from error


@dg.asset(deps=[fixable])
def downstream() -> None: ...


@dg.asset
def unfixable() -> None:
    raise ValueError("two\nlines")


def display(
    *assets: dg.AssetsDefinition, run_display: RunDisplay | None = None
) -> tuple[list[str], RunDisplay]:
    """The lines on the screen, with single spaces, and the display that wrote them."""
    screen = io.StringIO()
    console = Console(file=screen, width=200)
    run_display = run_display or RunDisplay(console)
    run_display.console = console
    with dg.DagsterInstance.ephemeral() as instance:
        run_id = "11111111-1111-4111-8111-111111111111"
        instance.add_event_listener(run_id, run_display.on_event)
        job = dg.Definitions(
            assets, executor=dg.in_process_executor
        ).resolve_implicit_global_asset_job_def()
        with run_display.title("Days"):
            job.execute_in_process(instance=instance, run_id=run_id, raise_on_error=False)
    return [" ".join(line.split()) for line in screen.getvalue().splitlines()], run_display


def test_asset_is_a_line_with_rows_and_failed_checks() -> None:
    lines, run_display = display(orders)
    assert lines[0] == "Days"
    shown = [re.sub(r"\d+\.\d s", "SECONDS", line) for line in lines[1:]]
    assert shown == ["raw/orders 1,234,567 rows SECONDS failed checks: whole"]
    assert run_display.failure is None


def test_step_with_several_assets_is_one_line() -> None:
    (_, line), _ = display(split_orders)
    assert line.startswith("{validated, quarantine}/orders 1,000 + 0 rows ")
    (_, line), _ = display(train)
    assert line.startswith("model, note 7 rows ")


def test_partitioned_run_shows_the_rows_of_all_partitions() -> None:
    (_, line), _ = display(days)
    assert line.startswith("days 500 rows ")


def test_failure_shows_root_cause_and_skips_downstream() -> None:
    lines, run_display = display(fixable, downstream)
    assert lines[1:] == ["fixable failed"]
    assert run_display.failure is not None
    assert run_display.failure.problem.startswith("fixable failed: ")
    assert run_display.failure.problem.endswith("The file [a].csv has no column id.")
    assert run_display.failure.fix == "Name it in the profile."


def test_first_failure_is_kept() -> None:
    lines, run_display = display(unfixable)
    first = run_display.failure
    assert lines[1:] == ["unfixable failed"]
    assert first is not None
    assert first.problem.endswith("two lines")
    assert first.fix == ""
    assert display(fixable, run_display=run_display)[1].failure is first


# In a separate process, because pytest's capture stands between print and the streams.
PRINTING = """
import os, subprocess, sys
from pathlib import Path
from retention_assets.cli.progress import open_console, redirect_output
console = open_console(stream=1)
before = os.listdir("/proc/self/fd")
print("before")
for turn in range(2):
    try:
        with redirect_output(Path(sys.argv[1])):
            print("python", turn)
            subprocess.run(["sh", "-c", "echo child; echo error >&2"])
            console.print("[bold]shown[/]")
            if turn:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        print("interrupted")
print("after", os.listdir("/proc/self/fd") == before, file=sys.stderr)
"""


def test_output_goes_to_the_file_but_not_the_console(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "run.log"
    # Buffered, so that what Python has printed but not yet written is covered too.
    environment = os.environ | {"PYTHONUNBUFFERED": ""}
    command = [sys.executable, "-c", PRINTING, str(log)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    lines = ["child", "error", "python 0", "child", "error", "python 1"]
    assert log.read_text().splitlines() == lines
    assert result.stdout == "before\nshown\nshown\ninterrupted\n"
    assert result.stderr == "after True\n"
