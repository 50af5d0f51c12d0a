"""Time and Dagster storage of the first `retention run`, and what a run that is launched from the
UI pays before its first step, beside those of an older commit.

The embedded source; each on a new home, in turn, in this virtual environment. Usage:
`python benchmarks/first_run.py [COMMIT]`; the default is the commit before tables ran side by side.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import dagster as dg
import httpx
from dagster_graphql import DagsterGraphQLClient
from report import publish

from retention_assets.keys import WATERMARK
from retention_assets.settings import Settings

CLONE = Path(__file__).parents[1]
OLDER = "fec1481"
LAUNCHES = 5
WEBSERVER_PORT = Settings.model_fields["webserver_port"].default  # as in the environment of `run`
LAUNCH_TIMEOUT_S = 300
RUN_TIMES = """
query Times($id: ID!) {
  runOrError(runId: $id) { ... on Run { creationTime startTime stepStats { startTime } } }
}
"""
ENDED = {"SUCCESS", "FAILURE", "CANCELED"}


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


def launch() -> tuple[float, float]:
    """Launches one asset as the UI does. Seconds until the run's process has started, and until its
    first step has.
    """
    client = DagsterGraphQLClient("127.0.0.1", port_number=WEBSERVER_PORT)
    asset = dg.AssetKey.from_user_string(WATERMARK)
    run_id = client.submit_job_execution("__ASSET_JOB", asset_selection=[asset])
    end = time.monotonic() + LAUNCH_TIMEOUT_S
    while (status := client.get_run_status(run_id)).value not in ENDED:
        if time.monotonic() > end:
            break
        time.sleep(0.5)
    if status is not dg.DagsterRunStatus.SUCCESS:
        raise SystemExit(f"The run {run_id} is {status.value}.")
    body = {"query": RUN_TIMES, "variables": {"id": run_id}}
    response = httpx.post(f"http://127.0.0.1:{WEBSERVER_PORT}/graphql", json=body, trust_env=False)
    times = response.json()["data"]["runOrError"]
    first_step = min(step["startTime"] for step in times["stepStats"])
    return times["startTime"] - times["creationTime"], first_step - times["creationTime"]


def measure(label: str, code: Path) -> dict[str, Any]:
    """First and second run on a new home, what Dagster stored after the first, and launches."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        try:
            first = run(code, home)
            files = (home / "dagster").rglob("*")
            size = sum(file.stat().st_size for file in files if file.is_file())
            second = run(code, home)
            starts, first_steps = zip(*(launch() for _ in range(LAUNCHES)), strict=True)
        finally:
            down(code, home)
    return {
        "code": label,
        "first_run_s": round(first, 1),
        "second_run_s": round(second, 1),
        "dagster_mb": round(size / 2**20, 1),
        "launch_to_run_s": round(median(starts), 1),
        "launch_to_first_step_s": round(median(first_steps), 1),
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
        **{name: round(current[name] / previous[name], 2) for name in current if name != "code"},
    }
    publish(__file__, [*rows, ratio], {"source": "embedded, 5,000 customers x 400 days"})


if __name__ == "__main__":
    main()
