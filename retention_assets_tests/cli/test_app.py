"""What a shell gets from the command: exit codes, errors in one line with a fix, and JSON."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from retention_assets.settings import Settings
from retention_assets_tests.cli.in_process import Call
from retention_assets_tests.services.homes import free_ports

RETENTION = Path(sys.executable).with_name("retention")


def retention(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs the command on this home with free ports."""
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
def test_wrong_use_exits_with_2_and_shows_usage(call: Call, arguments: tuple[str, ...]) -> None:
    result = call(*arguments)
    assert result.returncode == 2
    assert "Usage" in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("variable", "problem"),
    [
        ("RETENTION_SERVE_PORT", "Settings are not valid: RETENTION_SERVE_PORT: "),
        ("RETENTION_SERVE_PROT", "RETENTION_SERVE_PROT is not a setting; the nearest is"),
    ],
)
def test_invalid_setting_is_one_line_with_a_fix(
    tmp_path: Path, variable: str, problem: str
) -> None:
    result = retention(tmp_path, "status", **{variable: "eighty"})
    assert result.returncode == 2
    assert result.stderr.startswith(problem)
    assert " Fix: " in result.stderr
    assert result.stderr.count("\n") == 1


def test_error_is_one_line_with_a_fix_and_exits_with_1(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETENTION_API_KEYS", ",")
    result = call("up")
    assert (result.returncode, result.stdout) == (1, "")
    assert " Fix: " in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["up", "run"])
def test_home_of_another_source_is_refused(
    tmp_path: Path, command: str, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    owner = {"name": "shop", "source": "shop.yaml", "data_dir": None}
    (home / "source.json").write_text(json.dumps(owner))
    monkeypatch.setenv("RETENTION_SOURCE", "simulated")
    result = call(command)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert f"RETENTION_HOME={home}-simulated" in result.stderr


def test_status_of_new_home_is_empty_and_writes_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    result = retention(home, "status", "--json")
    assert result.returncode == 0, result.stderr
    state = json.loads(result.stdout)
    assert {name: service["up"] for name, service in state["services"].items()} == dict.fromkeys(
        ["redis", "ray", "mlflow", "dagster_code", "dagster_webserver", "dagster_daemon"], False
    )
    assert state["watermark"] is None
    assert state["champion"] == {"churn": None}
    assert state["deployment"] is None
    assert not home.exists()


def test_status_fits_one_screen_and_names_next_steps(tmp_path: Path) -> None:
    result = retention(tmp_path, "status")
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) <= 24
    for text in ("watermark", "champion", "deployment", "`retention up`", "`retention run`"):
        assert text in result.stdout


def test_down_without_services_succeeds(tmp_path: Path) -> None:
    assert retention(tmp_path, "down").returncode == 0


def test_help_imports_no_heavy_library() -> None:
    heavy = ["dagster", "mlflow", "pandas", "pyspark", "ray", "sklearn", "tensorflow", "xgboost"]
    code = (
        "import sys, retention_assets.cli.app; print([m for m in sys.argv[1:] if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
