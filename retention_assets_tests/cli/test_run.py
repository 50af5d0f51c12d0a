"""What `retention run` prints at its end."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from retention_assets.automation.graph_run import GraphRunResult
from retention_assets.cli.run import show_result
from retention_assets.settings import Settings


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        ("Nothing is promoted: calibrated: [0.000, 0.052].", "calibrated: [0.000, 0.052].\n"),
        (None, "No champion. No model has been trained yet.\n"),
    ],
)
def test_run_without_champion_says_why(tmp_path: Path, reason: str | None, line: str) -> None:
    screen = io.StringIO()
    result = GraphRunResult(True, "2024-05-01", None, reason)
    console = Console(file=screen, width=200)
    show_result(Settings(home=tmp_path), result, prediction=None, console=console)
    assert line in screen.getvalue()
