"""One running platform for all end-to-end tests: the `retention` command, the UI's API, HTTP."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from retention_assets.services.processes import home_processes
from retention_assets.settings import Settings
from retention_assets_tests.services.homes import free_ports
from retention_assets_tests.spark_options import VARIABLE

if TYPE_CHECKING:
    from deltalake import DeltaTable

CLONE = Path(__file__).parents[2]
LAUNCH_RUN = """
mutation Launch($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""
LAUNCH_BACKFILL = """
mutation Backfill($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
RUN_STATUS = "query Run($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
BACKFILL_STATUS = """
query Backfill($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    ... on PartitionBackfill { status error { message } }
  }
}
"""
REPOSITORY = """
{ repositoriesOrError { ... on RepositoryConnection { nodes { name location { name } } } } }
"""


@dataclass(frozen=True)
class RunningPlatform:
    """One home. `settings` are what its commands read from their environment."""

    settings: Settings

    def retention(self, *arguments: str, seconds: float = 1500) -> subprocess.CompletedProcess[str]:
        """Calls the command. The result has what it printed and its exit code."""
        command = [sys.executable, "-m", "retention_assets.cli.app", *arguments]
        return self._call(command, seconds)

    def make(self, target: str, seconds: float = 1500) -> subprocess.CompletedProcess[str]:
        """`make TARGET` in this clone, with this platform's settings."""
        return self._call(["make", target], seconds)

    def json(self, *arguments: str) -> Any:
        """What the command prints with `--json`. A failure shows its error and the run's log."""
        result = self.retention(*arguments, "--json")
        assert result.returncode == 0, result.stderr[-3000:] + self._log()
        return json.loads(result.stdout)

    @cached_property
    def http(self) -> httpx.Client:
        """A client of the deployment, with the key."""
        key = (self.settings.home / "api_key").read_text().strip()
        url = f"http://127.0.0.1:{self.settings.serve_port}"
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.Client(base_url=url, headers=headers, timeout=30, trust_env=False)

    def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        """Data of a query to the API behind the Dagster UI."""
        url = f"http://127.0.0.1:{self.settings.webserver_port}/graphql"
        body = {"query": query, "variables": variables}
        response = httpx.post(url, json=body, timeout=60, trust_env=False)
        content = response.json()
        assert response.status_code == 200 and "errors" not in content, content
        return content["data"]

    def launch(self, keys: Sequence[str], tags: Mapping[str, str] | None = None) -> str:
        """Materializes assets as the UI's button does. Returns the run's id."""
        (repository,) = self.graphql(REPOSITORY)["repositoriesOrError"]["nodes"]
        selector = {
            "repositoryName": repository["name"],
            "repositoryLocationName": repository["location"]["name"],
            "pipelineName": "__ASSET_JOB",
            "assetSelection": [{"path": key.split("/")} for key in keys],
        }
        pairs = [{"key": key, "value": value} for key, value in (tags or {}).items()]
        params = {
            "selector": selector,
            "runConfigData": {},
            "mode": "default",
            "executionMetadata": {"tags": pairs},
        }
        launched = self.graphql(LAUNCH_RUN, params=params)["launchPipelineExecution"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return launched["run"]["runId"]

    def backfill(self, partitions: Mapping[str, Sequence[str] | None]) -> str:
        """Backfills assets as the UI does. `partitions`: asset key -> first and last partition,
        None for an asset without partitions. Returns the backfill's id.
        """
        selection = [
            {
                "assetKey": {"path": key.split("/")},
                "partitions": bounds and {"range": {"start": bounds[0], "end": bounds[1]}},
            }
            for key, bounds in partitions.items()
        ]
        params = {"partitionsByAssets": selection, "tags": []}
        launched = self.graphql(LAUNCH_BACKFILL, params=params)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        return launched["backfillId"]

    def run_status(self, run_id: str) -> str:
        return self.graphql(RUN_STATUS, id=run_id)["runOrError"]["status"]

    def await_run(self, run_id: str, seconds: float = 300) -> str:
        """The run's final status."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            status = self.run_status(run_id)
            if status in {"SUCCESS", "FAILURE", "CANCELED"}:
                return status
            time.sleep(0.5)
        return "TIMEOUT"

    def await_backfill(self, backfill_id: str, seconds: float = 1200) -> dict[str, Any]:
        """The backfill's final status and error."""
        state: dict[str, Any] = {}
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            state = self.graphql(BACKFILL_STATUS, id=backfill_id)["partitionBackfillOrError"]
            if state["status"] not in {"REQUESTED", "FAILING", "CANCELING"}:
                return state
            time.sleep(1)
        return state

    def rows(self, key: str, columns: list[str] | None = None) -> list[dict[str, Any]]:
        """The rows of an asset's table, read without Spark."""
        return self._table(key).to_pyarrow_table(columns=columns).to_pylist()

    def count(self, key: str) -> int:
        return self._table(key).to_pyarrow_dataset().count_rows()

    def _call(self, command: list[str], seconds: float) -> subprocess.CompletedProcess[str]:
        # Without the tests' options: queries are compiled, as in production.
        return subprocess.run(
            command,
            cwd=CLONE,
            env=self.settings.environment() | {VARIABLE: ""},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def _table(self, key: str) -> "DeltaTable":
        from deltalake import DeltaTable

        return DeltaTable(f"{self.settings.lake_root}/{key}")

    def _log(self) -> str:
        log = self.settings.logs / "run.log"
        return "\n" + log.read_text()[-3000:] if log.exists() else ""


@contextmanager
def running_platform(home: Path, **changes: Any) -> Iterator[RunningPlatform]:
    """A platform on free ports. At the end its services are stopped and no process is left."""
    small: dict[str, Any] = {"spark_master": "local[2]", "spark_memory": "1g", **free_ports()}
    platform = RunningPlatform(Settings(home=home, **small | changes))
    try:
        yield platform
    finally:
        stopped = platform.retention("down")
    assert stopped.returncode == 0, stopped.stderr
    assert home_processes(home) == set()
