"""Time and Dagster storage of the first `retention run`, beside those of an older commit.

The embedded source; each on a new home, in turn, in this virtual environment. Usage:
`python benchmarks/first_run.py [COMMIT]`; the default is the commit before tables ran side by side.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from report import publish

CLONE = Path(__file__).parents[1]
OLDER = "fec1481"


def run(code: Path, home: Path) -> float:
    """Seconds that `retention run` of this code takes on the home."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("RETENTION_")
    }
    environment |= {"RETENTION_HOME": str(home), "PYTHONPATH": str(code)}
    command = [sys.executable, "-m", "retention_assets.cli.app"]
    output = subprocess.run(
        [*command, "run", "--json"], cwd=code, env=environment, capture_output=True, check=False
    )
    if output.returncode:
        raise SystemExit(output.stderr.decode()[-2000:])
    return float(json.loads(output.stdout)["seconds"])


def down(code: Path, home: Path) -> None:
    environment = os.environ | {"RETENTION_HOME": str(home), "PYTHONPATH": str(code)}
    command = [sys.executable, "-m", "retention_assets.cli.app", "down"]
    subprocess.run(command, cwd=code, env=environment, capture_output=True, check=True)


def measure(label: str, code: Path) -> dict[str, Any]:
    """First and second run on a new home, and what Dagster stored after the first."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        try:
            first = run(code, home)
            files = (home / "dagster").rglob("*")
            size = sum(file.stat().st_size for file in files if file.is_file())
            second = run(code, home)
        finally:
            down(code, home)
    return {
        "code": label,
        "first_run_s": round(first, 1),
        "second_run_s": round(second, 1),
        "dagster_mb": round(size / 2**20, 1),
    }


def main() -> None:
    commit = sys.argv[1] if len(sys.argv) > 1 else OLDER
    with tempfile.TemporaryDirectory() as folder:
        older = Path(folder) / "older"
        subprocess.run(["git", "clone", "--quiet", str(CLONE), str(older)], check=True)
        subprocess.run(["git", "checkout", "--quiet", commit], cwd=older, check=True)
        rows = [measure("this code", CLONE), measure(commit, older)]
    current, previous = rows
    ratio = {
        "code": "ratio",
        **{
            name: round(current[name] / previous[name], 2)
            for name in ("first_run_s", "second_run_s", "dagster_mb")
        },
    }
    publish(__file__, [*rows, ratio], {"source": "embedded, 5,000 customers x 400 days"})


if __name__ == "__main__":
    main()
