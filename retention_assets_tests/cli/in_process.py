"""The `retention` command in the test's process, which saves the start of one for each call."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from retention_assets.cli.app import main

Call = Callable[..., subprocess.CompletedProcess[str]]


def caller(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Calls the command's entry point; the result has what it printed and its exit code."""

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", ["retention", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        output = capsys.readouterr()
        code = int(ended.value.code or 0)
        return subprocess.CompletedProcess(arguments, code, output.out, output.err)

    return call
