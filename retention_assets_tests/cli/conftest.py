"""The command in the test's process."""

from pathlib import Path

import pytest

from retention_assets.settings import PREFIX, Settings
from retention_assets_tests.cli.in_process import Call, caller
from retention_assets_tests.services.homes import free_ports


@pytest.fixture
def call(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Call:
    """Runs the command on a home of the test, tmp_path/home, with free ports."""
    settings = Settings(home=tmp_path / "home", **free_ports())
    for name, text in settings.environment().items():
        if name.startswith(PREFIX):
            monkeypatch.setenv(name, text)
    return caller(capsys, monkeypatch)
