"""The picture of the import graph in the README is made from the code as it is now."""

import subprocess
import sys
from pathlib import Path

CLONE = Path(__file__).parents[1]


def test_architecture_picture_is_current() -> None:
    command = [sys.executable, "tools/architecture.py", "--check"]
    result = subprocess.run(command, cwd=CLONE, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
