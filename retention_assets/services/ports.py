"""The ports that a home's services listen on, and whether they are free."""

import socket

from retention_assets.errors import SetupError
from retention_assets.settings import Settings

RAY_PORTS = (
    "ray_port",
    "serve_port",
    "serve_inner_port",
    "haproxy_stats_port",
    "haproxy_metrics_port",
)
INNER_PORTS = 100


def needed_ports(settings: Settings) -> dict[str, int]:
    """Setting -> port, for the services that this home starts itself."""
    names = ["webserver_port"]
    names += [] if (settings.mlflow_uri or "").startswith("http") else ["mlflow_port"]
    names += [] if settings.ray_address else list(RAY_PORTS)
    return {name: getattr(settings, name) for name in names}


def inner_ports(settings: Settings) -> range:
    """Ports behind HAProxy: first that of Serve's own proxy, then those of replicas, which pass over a taken one."""
    return range(settings.serve_inner_port, settings.serve_inner_port + INNER_PORTS)


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def busy_ports(settings: Settings) -> dict[str, int]:
    """Setting -> port, of the needed ports that are taken already, that two settings name, or that replicas may take."""
    needed = needed_ports(settings)
    ports, replicas = (
        list(needed.values()),
        inner_ports(settings)[1:] if "serve_inner_port" in needed else (),
    )
    return {
        name: port
        for name, port in needed.items()
        if ports.count(port) > 1 or port in replicas or not is_free(port)
    }


def check_ports(settings: Settings) -> None:
    """Raises SetupError that names every busy port and the variable that moves it."""
    if busy := busy_ports(settings):
        listed = ", ".join(f"{port} (RETENTION_{name.upper()})" for name, port in busy.items())
        raise SetupError(
            f"These ports are taken: {listed}.",
            "Stop what listens there, or set the named variables.",
        )
