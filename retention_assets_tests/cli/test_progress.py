"""What is seen of a run: a line an asset, the first cause of a failure with its fix, and the noise in a file."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import dagster as dg
from rich.console import Console

from retention_assets.cli.progress import Progress
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


@dg.multi_asset(specs=[dg.AssetSpec("kept"), dg.AssetSpec("quarantined"), dg.AssetSpec("note")])
def split():
    for key, count in (("kept", 1000), ("quarantined", 0), ("note", None)):
        yield dg.MaterializeResult(
            asset_key=key, metadata={} if count is None else {"dagster/row_count": count}
        )


@dg.asset
def mendable() -> None:
    try:
        raise ProfileError("The file [a].csv has no column id.", "Name it in the profile.")
    except ProfileError as error:
        raise RuntimeError("reading failed") from error


@dg.asset(deps=[mendable])
def after_it() -> None: ...


@dg.asset
def unmendable() -> None:
    raise ValueError("two\nlines")


def seen(
    *assets: dg.AssetsDefinition, progress: Progress | None = None
) -> tuple[list[str], Progress]:
    """The lines on the screen, spaces made one, and who wrote them."""
    screen = io.StringIO()
    progress = progress or Progress(Console(file=screen, width=200))
    progress.console = Console(file=screen, width=200)
    with dg.DagsterInstance.ephemeral() as instance:
        run_id = "11111111-1111-4111-8111-111111111111"
        instance.add_event_listener(run_id, progress.hear)
        job = dg.Definitions(
            assets, executor=dg.in_process_executor
        ).resolve_implicit_global_asset_job_def()
        with progress.title("Days"):
            job.execute_in_process(instance=instance, run_id=run_id, raise_on_error=False)
    return [" ".join(line.split()) for line in screen.getvalue().splitlines()], progress


def test_an_asset_is_a_line_with_its_rows_and_the_checks_that_did_not_pass() -> None:
    lines, progress = seen(orders)
    assert lines[0] == "Days"
    told = [re.sub(r"\d+\.\d s", "SECONDS", line) for line in lines[1:]]
    assert told == ["raw/orders 1,234,567 rows SECONDS 1 checks not passed: whole"]
    assert progress.failure is None


def test_a_step_that_makes_several_tells_each_and_its_rows() -> None:
    (_, line), _ = seen(split)
    assert line.startswith("kept, quarantined, note 1,000 + 0 rows ")


def test_a_failure_is_told_by_its_root_with_its_remedy_and_what_follows_is_not_called_failed() -> (
    None
):
    lines, progress = seen(mendable, after_it)
    assert lines[1:] == ["mendable failed"]
    assert progress.failure is not None
    assert progress.failure.problem.startswith("mendable failed: ")
    assert progress.failure.problem.endswith("The file [a].csv has no column id.")
    assert progress.failure.fix == "Name it in the profile."


def test_the_first_failure_stays_and_one_without_a_remedy_is_one_line() -> None:
    lines, progress = seen(unmendable)
    first = progress.failure
    assert lines[1:] == ["unmendable failed"]
    assert first is not None and (first.problem.endswith("two lines"), first.fix) == (True, "")
    assert seen(mendable, progress=progress)[1].failure is first


# In a process of its own, as pytest's own capture stands between print and the streams.
NOISY = """
import os, subprocess, sys
from pathlib import Path
from retention_assets.cli.progress import noise_into, own_console
console, before = own_console(stream=1), os.listdir("/proc/self/fd")
print("before")
for turn in range(2):
    try:
        with noise_into(Path(sys.argv[1])):
            print("python", turn)
            subprocess.run(["sh", "-c", "echo child; echo worse >&2"])
            console.print("[bold]seen[/]")
            if turn:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        print("interrupted")
print("after", os.listdir("/proc/self/fd") == before, file=sys.stderr)
"""


def test_noise_goes_into_the_file_while_it_lasts_and_the_screen_stays_ours(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "run.log"
    buffered = {
        **os.environ,
        "PYTHONUNBUFFERED": "",
    }  # what Python has printed but not yet written goes the same way
    command = [sys.executable, "-c", NOISY, str(log)]
    done = subprocess.run(command, env=buffered, capture_output=True, text=True, check=True)
    assert log.read_text().splitlines() == [
        "child",
        "worse",
        "python 0",
        "child",
        "worse",
        "python 1",
    ]
    assert (done.stdout, done.stderr) == ("before\nseen\nseen\ninterrupted\n", "after True\n")
