"""Homes for tests: free ports, and the ports a home listens on."""

import os
import random
from pathlib import Path
from typing import Any

import psutil

from retention_assets.services.ports import INNER_PORTS, RAY_PORTS, is_free
from retention_assets.services.processes import home_processes

LOOPBACK = {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
PORTS = ("webserver_port", "mlflow_port", *RAY_PORTS)
WORKERS = 4
BLOCK = INNER_PORTS + len(PORTS)


def free_ports() -> dict[str, Any]:
    """A free port for each port setting, all from one block; the suite's workers share no block.

    They lie below the system's ephemeral ports, of which Ray's servers take any.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % WORKERS
    blocks = range(20_000, 32_000, BLOCK)[worker::WORKERS]
    first = next(
        block
        for block in random.sample(blocks, len(blocks))
        if all(map(is_free, range(block, block + BLOCK)))
    )
    others = [name for name in PORTS if name != "serve_inner_port"]
    return {
        "serve_inner_port": first,
        **{name: first + INNER_PORTS + place for place, name in enumerate(others)},
    }


def listening(home: Path) -> set[tuple[str, int]]:
    """Address and port of every TCP socket that a process of this home listens on."""
    addresses = set()
    for process in home_processes(home):
        try:
            sockets = process.net_connections("tcp")
        except psutil.NoSuchProcess:
            continue
        addresses |= {
            (entry.laddr.ip, entry.laddr.port)
            for entry in sockets
            if entry.status == psutil.CONN_LISTEN
        }
    return addresses
