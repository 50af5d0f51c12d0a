"""Homes for tests: free ports, and what a home's processes listen on."""

import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil

from retention_assets.resources.processes import marked

PORTS = ("serve_port", "webserver_port", "mlflow_port", "ray_port", "haproxy_stats_port", "haproxy_metrics_port")


def free_ports() -> dict[str, Any]:
    """A free port for each port setting."""
    with ExitStack() as open_until_all_are_chosen:
        sockets = [open_until_all_are_chosen.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in PORTS]
        return {name: server.getsockname()[1] for name, server in zip(PORTS, sockets, strict=True)}


def listening(home: Path) -> set[tuple[str, int]]:
    """Address and port of every TCP socket that a process of this home listens on."""
    found = set()
    for process in marked(home):
        try:
            sockets = process.net_connections("tcp")
        except psutil.NoSuchProcess:
            continue
        found |= {(entry.laddr.ip, entry.laddr.port) for entry in sockets if entry.status == psutil.CONN_LISTEN}
    return found
