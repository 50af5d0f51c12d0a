"""A platform of its own for a test: a home, free ports, and the `retention` command as a user calls it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from retention_assets.services.processes import home_processes
from retention_assets.settings import Settings
from retention_assets_tests.services.homes import free_ports

if TYPE_CHECKING:
    from deltalake import DeltaTable

CLONE = Path(__file__).parents[2]


@dataclass(frozen=True)
class RunningPlatform:
    """One home. `settings` are what the command reads from its environment."""

    settings: Settings

    def retention(self, *arguments: str, seconds: float = 1500) -> subprocess.CompletedProcess[str]:
        """Calls the command; what it prints is in the result, its exit code too."""
        command = [sys.executable, "-m", "retention_assets.cli.app", *arguments]
        environment = self.settings.environment()
        return subprocess.run(
            command,
            cwd=CLONE,
            env=environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def make(self, target: str) -> subprocess.CompletedProcess[str]:
        """`make TARGET` in this clone, with this platform's settings."""
        environment = self.settings.environment()
        return subprocess.run(
            ["make", target],
            cwd=CLONE,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def told(self, *arguments: str, seconds: float = 1500) -> Any:
        """What the command tells a machine. A failure shows what it said."""
        done = self.retention(*arguments, "--json", seconds=seconds)
        assert done.returncode == 0, done.stderr[-3000:] + self._log()
        return json.loads(done.stdout)

    @cached_property
    def http(self) -> httpx.Client:
        """A client that bears the key."""
        key = (self.settings.home / "api_key").read_text().strip()
        url = f"http://127.0.0.1:{self.settings.serve_port}"
        return httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30, trust_env=False
        )

    def rows(self, key: str, columns: list[str] | None = None) -> list[dict[str, Any]]:
        """The rows of an asset's table, read without Spark."""
        return self._table(key).to_pyarrow_table(columns=columns).to_pylist()

    def count(self, key: str) -> int:
        return self._table(key).to_pyarrow_dataset().count_rows()

    def _table(self, key: str) -> "DeltaTable":
        from deltalake import DeltaTable

        return DeltaTable(f"{self.settings.lake_root}/{key}")

    def _log(self) -> str:
        log = self.settings.logs / "run.log"
        return "\n" + log.read_text()[-3000:] if log.exists() else ""


@contextmanager
def running_platform(home: Path, **own: Any) -> Iterator[RunningPlatform]:
    """A platform whose services are stopped at the end, whatever happened; none of its processes is left."""
    small: dict[str, Any] = {"spark_master": "local[2]", "spark_memory": "1g", **free_ports()}
    platform = RunningPlatform(Settings(home=home, **small | own))
    try:
        yield platform
    finally:
        stopped = platform.retention("down")
    assert stopped.returncode == 0, stopped.stderr
    assert home_processes(home) == set()
