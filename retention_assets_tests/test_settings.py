"""Settings: their groups, their variables, and which of them make results stale."""

import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from retention_assets.errors import SettingsError
from retention_assets.settings import (
    CLONE,
    EconomicsSettings,
    PortSettings,
    Settings,
    SettingsGroup,
)


def test_settings_fit_functions_that_take_one_group(tmp_path: Path) -> None:
    def break_even(economics: EconomicsSettings) -> float:
        return economics.contact_cost / (economics.save_rate * economics.saved_margin)

    assert break_even(Settings(home=tmp_path, contact_cost=6.0)) == pytest.approx(0.2)


def test_each_field_belongs_to_one_group() -> None:
    groups = SettingsGroup.__subclasses__()
    fields = [name for group in groups for name in group.model_fields]
    assert sorted(fields) == sorted(Settings.model_fields)


def test_groups_read_the_same_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETENTION_SERVE_PORT", "8123")
    assert PortSettings().serve_port == Settings().serve_port == 8123


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("RETENTION_GAP_DAY", "RETENTION_GAP_DAYS"),
        ("RETENTION_SPARKMASTER", "RETENTION_SPARK_MASTER"),
        ("retention_hom", "RETENTION_HOME"),
    ],
)
def test_misspelled_variable_names_the_nearest(
    monkeypatch: pytest.MonkeyPatch, name: str, nearest: str
) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(SettingsError, match=rf"{name} is not .* {nearest}\. Fix: Rename it"):
        Settings()


def test_command_prints_a_misspelling_on_one_line() -> None:
    environment = os.environ | {"RETENTION_GAP_DAY": "7"}
    command = [sys.executable, "-m", "retention_assets.cli.app", "status"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "RETENTION_GAP_DAYS" in result.stderr and "Fix: " in result.stderr


def test_home_defaults_to_the_clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Settings().home == CLONE / ".retention"
    assert (CLONE / "pyproject.toml").exists() and (CLONE / "dagster.yaml").exists()


def test_given_home_is_relative_to_the_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RETENTION_HOME", "here")
    assert Settings().home == tmp_path / "here"


def test_environment_builds_equal_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child process in another folder gets the same settings, a profile file's path included."""
    monkeypatch.chdir(tmp_path)
    settings = Settings(home=Path("home"), source="shop.yaml", gap_days=3, as_of=date(2024, 2, 1))
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir("/")
    assert Settings() == settings.model_copy(update={"source": str(tmp_path / "shop.yaml")})


def test_home_is_named_by_its_folder_and_path() -> None:
    """Two homes of one folder name differ; the name fits keys, models and routes."""
    names = [Settings(home=Path(path)).shared_name for path in ("/a/.retention", "/b/.retention")]
    assert len(set(names)) == 2
    assert all(re.fullmatch("retention-[0-9a-f]{6}", name) for name in names)
    assert Settings(home=Path("/a"), home_name="Shop-1").shared_name == "Shop-1"
    with pytest.raises(ValidationError, match="home_name"):
        Settings(home_name="a b")


@pytest.mark.parametrize(
    ("uri", "pages"),
    [
        (None, "http://127.0.0.1:5000"),
        ("sqlite:////srv/mlflow.db", "http://127.0.0.1:5000"),
        ("http://models.example:5001/", "http://models.example:5001"),
    ],
)
def test_mlflow_pages_are_those_of_its_server(uri: str | None, pages: str) -> None:
    assert Settings(mlflow_uri=uri).mlflow_pages == pages
