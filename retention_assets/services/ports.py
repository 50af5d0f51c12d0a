"""The ports that a home's services listen on, and whether they are free."""

import socket

from retention_assets.errors import SetupError
from retention_assets.services.processes import homes_listening_on
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
    """Ports behind HAProxy: Serve's own proxy, then its replicas, which skip ports in use."""
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
    """Setting -> port: needed ports that are in use, set twice, or in the replicas' range."""
    needed = needed_ports(settings)
    ports = list(needed.values())
    replicas = inner_ports(settings)[1:] if "serve_inner_port" in needed else ()
    return {
        name: port
        for name, port in needed.items()
        if ports.count(port) > 1 or port in replicas or not is_free(port)
    }


def check_ports(settings: Settings) -> None:
    """Raises SetupError that names every busy port, the variable that moves it, and the home whose
    services listen on it.
    """
    busy = busy_ports(settings)
    if not busy:
        return
    listed = ", ".join(f"{port} (RETENTION_{name.upper()})" for name, port in busy.items())
    homes = sorted(homes_listening_on(busy.values()))
    if homes:
        raise SetupError(
            f"The services of the home {homes[0]} use these ports: {listed}.",
            f"Stop them with `RETENTION_HOME={homes[0]} retention down`, or set the named variables"
            " to free ports.",
        )
    raise SetupError(
        f"These ports are in use: {listed}.",
        "Stop the programs that use them, or set the named variables to free ports.",
    )
