"""Homes for tests: free ports, and what a home's processes listen on."""

import random
from pathlib import Path
from typing import Any

import psutil

from retention_assets.resources.ports import is_free
from retention_assets.resources.processes import marked

LOOPBACK = {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
PORTS = ("serve_port", "webserver_port", "mlflow_port", "ray_port", "haproxy_stats_port", "haproxy_metrics_port")


def free_ports() -> dict[str, Any]:
    """A free port for each port setting, below those that the system hands out: Ray's own servers take any of these."""
    free = (port for port in random.sample(range(20_000, 32_000), 200) if is_free(port))
    return {name: next(free) for name in PORTS}


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
