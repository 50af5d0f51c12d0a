"""The command's promises to a shell: exit codes, one line and a fix for an error, JSON for machines."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from retention_assets.settings import Settings
from retention_assets_tests.services.homes import free_ports

RETENTION = Path(sys.executable).with_name("retention")


def retention(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs the command on a home of its own, with ports of its own."""
    environment = os.environ | Settings(home=home, **free_ports()).environment() | variables
    return subprocess.run(
        [RETENTION, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("arguments", [("nosuchcommand",), ("status", "--nosuchoption"), ()])
def test_wrong_use_exits_with_2_and_says_how_to_use_it(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    done = retention(tmp_path, *arguments)
    assert done.returncode == 2
    assert "Usage" in done.stdout + done.stderr


def test_a_setting_that_is_not_valid_is_named(tmp_path: Path) -> None:
    done = retention(tmp_path, "status", RETENTION_SERVE_PORT="eighty")
    assert done.returncode == 2
    assert (
        done.stderr.startswith("Settings are not valid: RETENTION_SERVE_PORT: ")
        and done.stderr.count("\n") == 1
    )


def test_an_error_is_one_line_with_a_remedy_and_exits_with_1(tmp_path: Path) -> None:
    done = retention(tmp_path, "up", RETENTION_API_KEYS=",")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Fix: " in done.stderr and done.stderr.count("\n") == 1


def test_status_of_a_new_home_is_all_down_and_null_and_leaves_no_trace(tmp_path: Path) -> None:
    home = tmp_path / "home"
    done = retention(home, "status", "--json")
    assert done.returncode == 0, done.stderr
    state = json.loads(done.stdout)
    assert {name: service["up"] for name, service in state["services"].items()} == dict.fromkeys(
        ["redis", "ray", "mlflow", "dagster_webserver", "dagster_daemon"], False
    )
    assert (state["watermark"], state["champion"], state["deployment"]) == (
        None,
        {"churn": None},
        None,
    )
    assert not home.exists()


def test_status_fits_one_screen(tmp_path: Path) -> None:
    done = retention(tmp_path, "status")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) <= 24
    assert "watermark" in done.stdout and "champion" in done.stdout and "deployment" in done.stdout


def test_down_where_nothing_runs_is_no_error(tmp_path: Path) -> None:
    assert retention(tmp_path, "down").returncode == 0


def test_the_command_answers_at_once(tmp_path: Path) -> None:
    """Help loads none of the heavy libraries."""
    code = (
        "import sys, retention_assets.cli.app; print([m for m in sys.argv[1:] if m in sys.modules])"
    )
    heavy = ["dagster", "mlflow", "pandas", "pyspark", "ray", "sklearn", "tensorflow", "xgboost"]
    done = subprocess.run(
        [sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
