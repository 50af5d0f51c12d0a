"""The code server: the one process that has the graph loaded, for the webserver and the daemon.

Without it Dagster's webserver starts one of its own, and the daemon a new one every minute.
"""

import hashlib
import multiprocessing
import sys
import threading
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import yaml

from retention_assets.services.run_folder import run_link
from retention_assets.settings import Settings

MODULE = "retention_assets.definitions"
ATTRIBUTE = "defs"
# What each run needs, and what may be shared by forking: no threads, no connections, no Java.
PRELOADED = [MODULE, "dagster._cli.api", "pandas", "pyspark.sql", "delta.tables", "dagster_pyspark"]
PRELOAD_AFTER_S = 60  # The machine is busy with the other services until then.


def code_server_socket(settings: Settings) -> Path:
    """The Unix socket that the code server listens on; it needs no port."""
    return run_link(settings.home) / "code.sock"


def code_server_command(settings: Settings) -> list[str]:
    """The code server's program. It listens once the graph is loaded."""
    command = [sys.executable, "-m", "retention_assets.services.code_server", "api", "grpc"]
    command += ["--socket", str(code_server_socket(settings))]
    command += ["--module-name", MODULE, "--attribute", ATTRIBUTE, "--location-name", MODULE]
    return command


def code_digest(settings: Settings) -> str:
    """Changes with the package's code and with the profile, if that is a file."""
    files = sorted(Path(__file__).parents[1].rglob("*.py"))
    if settings.source and Path(settings.source).is_file():
        files.append(Path(settings.source))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def workspace_file(settings: Settings) -> Path:
    return settings.dagster_home / "workspace.yaml"


def write_workspace(settings: Settings) -> None:
    """Writes the file that tells the webserver and the daemon where the graph is loaded."""
    server = {"socket": str(code_server_socket(settings)), "location_name": MODULE}
    workspace = {"load_from": [{"grpc_server": server}]}
    workspace_file(settings).write_text(yaml.safe_dump(workspace, sort_keys=False))


def fork_runs() -> None:
    """Makes Dagster's code server fork run processes from one that has imported what they need.

    Dagster starts each with a new interpreter, which imports for several seconds.
    """
    from dagster._grpc import server

    class ForkingApiServer(server.DagsterApiServer):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self._mp_ctx = multiprocessing.get_context("forkserver")

    server.DagsterApiServer = ForkingApiServer
    multiprocessing.set_forkserver_preload(PRELOADED)
    preload = threading.Timer(PRELOAD_AFTER_S, forkserver.ensure_running)
    preload.daemon = True
    preload.start()


def main() -> None:
    """The `dagster` command with `fork_runs`."""
    from dagster._cli import cli

    fork_runs()
    cli()


if __name__ == "__main__":
    main()
