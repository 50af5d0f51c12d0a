"""All services of a home, started for real: Redis, Ray with Serve and HAProxy, MLflow, Dagster."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from retention_assets.errors import SetupError
from retention_assets.services import catalog
from retention_assets.services.code_server import code_digest
from retention_assets.services.ports import is_free
from retention_assets.services.processes import home_processes
from retention_assets.services.ray_head import local_ray_address, ray_environment
from retention_assets.services.run_folder import run_link
from retention_assets.settings import STREAM_PROGRESS, Settings
from retention_assets_tests.services.homes import LOOPBACK, PORTS, free_ports, listening
from retention_assets_tests.services.old_schemas import EXPERIMENT, make_old_mlflow

SECONDS_TO_RETURN = 10  # Two cores; the slowest service takes 20 s or more.
APPLICATION = """
import sys
import ray
from ray import serve
from fastapi import FastAPI

api = FastAPI()

@serve.deployment(ray_actor_options={"num_cpus": 0.2})
@serve.ingress(api)
class Hello:
    @api.get("/hello")
    def hello(self) -> str:
        return "hello"

ray.init(address=sys.argv[1], log_to_driver=False)
serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[2])})
serve.run(Hello.bind(), name="hello", route_prefix="/")
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    settings = Settings(home=tmp_path_factory.mktemp("home"), clock_enabled=False, **free_ports())
    make_old_mlflow(settings)
    catalog.up(settings)
    yield settings
    catalog.down(settings)
    assert home_processes(settings.home) == set()
    assert not run_link(settings.home).is_symlink()
    assert [port for port in PORTS if not is_free(getattr(settings, port))] == []


def test_all_services_answer(home: Settings) -> None:
    names = ["redis", "ray", "mlflow", "dagster_code", "dagster_webserver", "dagster_daemon"]
    assert [(state.name, state.up) for state in catalog.status(home)] == [
        (name, True) for name in names
    ]


def test_database_of_an_older_mlflow_is_upgraded(home: Settings) -> None:
    answer = httpx.get(
        f"http://127.0.0.1:{home.mlflow_port}/api/2.0/mlflow/experiments/get",
        params={"experiment_id": "7"},
    )
    assert answer.json()["experiment"]["name"] == EXPERIMENT


def test_second_start_keeps_running_programs(home: Settings) -> None:
    before = _programs(home)
    catalog.start(home)
    catalog.up(home)
    assert _programs(home) == before


def test_webserver_and_daemon_share_the_code_server(home: Settings) -> None:
    """Neither starts a code server of its own."""
    commands = [" ".join(process.cmdline()) for process in home_processes(home.home)]
    assert sum("api grpc" in command for command in commands) == 1


def test_changed_code_is_loaded_by_a_new_code_server(home: Settings) -> None:
    before = _programs(home)
    catalog.reload_code(home)
    assert _programs(home) == before
    (home.home / "supervisor" / "code").write_text("of an older version")
    catalog.reload_code(home)
    catalog.await_ready(home)
    assert len(before - _programs(home)) == 1
    after = _programs(home)
    catalog.reload_code(home)
    assert _programs(home) == after


def test_changed_profile_is_changed_code(tmp_path: Path) -> None:
    profile = tmp_path / "shop.yaml"
    digests = set()
    for text in ("name: a", "name: b", "name: b"):
        profile.write_text(text)
        digests.add(code_digest(Settings(home=tmp_path, source=str(profile))))
    assert len(digests) == 2


def test_as_of_day_is_not_passed_to_services(tmp_path: Path) -> None:
    """It belongs to the one command that names it."""
    environment = catalog.service_environment(Settings(home=tmp_path, as_of=date(2024, 1, 5)))
    assert "RETENTION_AS_OF" not in environment


def test_only_a_streamed_home_has_the_stream(tmp_path: Path) -> None:
    def names(settings: Settings) -> list[str]:
        return [service.name for service in catalog.managed_services(settings)]

    settings = Settings(home=tmp_path)
    streamed = settings.model_copy(update={"stream": True})
    assert catalog.STREAM not in names(settings)
    assert names(streamed) == [*names(settings), catalog.STREAM]
    service = catalog.managed_services(streamed)[-1]
    assert service.answers and not service.answers()
    streamed.stream_dir.mkdir()
    (streamed.stream_dir / STREAM_PROGRESS).write_text("{}")
    assert service.answers()


def test_await_ready_reports_only_named_services(home: Settings) -> None:
    lines: list[str] = []
    catalog.await_ready(home, names=["redis", "mlflow"], report=lines.append)
    assert [line.split()[0] for line in lines] == ["redis", "mlflow"]
    with pytest.raises(ValueError, match="no such service: postgres"):
        catalog.await_ready(home, names=["postgres"])


def test_start_returns_before_services_answer(tmp_path: Path) -> None:
    """Only Redis is awaited, so Ray, MLflow and Dagster may still be starting."""
    settings = Settings(home=tmp_path, clock_enabled=False, **free_ports())
    began = time.monotonic()
    try:
        catalog.start(settings)
        assert time.monotonic() - began < SECONDS_TO_RETURN
        assert not all(state.up for state in catalog.status(settings))
        catalog.await_ready(settings, names=["redis"])
        assert {state.name: state.up for state in catalog.status(settings)}["redis"]
    finally:
        catalog.down(settings)
    with pytest.raises(SetupError, match="redis did not start"):
        catalog.await_ready(settings, names=["redis"])


def test_serve_answers_and_all_ports_are_on_loopback(home: Settings) -> None:
    deployed = _deploy(home, ray_environment(home))
    assert deployed.returncode == 0, deployed.stderr
    assert httpx.get(f"http://127.0.0.1:{home.serve_port}/hello", trust_env=False).json() == "hello"
    sockets = listening(home.home)
    assert {address for address, _ in sockets} <= LOOPBACK
    assert {getattr(home, name) for name in PORTS} <= {port for _, port in sockets}


def test_ray_refuses_a_driver_without_the_token(home: Settings) -> None:
    deployed = _deploy(home, ray_environment(home) | {"RAY_AUTH_MODE": "disabled"})
    assert deployed.returncode != 0 and "authentication" in deployed.stderr.lower()


def test_second_home_shares_named_services(home: Settings, tmp_path: Path) -> None:
    addresses: dict[str, Any] = {
        "ray_address": local_ray_address(home),
        "mlflow_uri": f"http://127.0.0.1:{home.mlflow_port}",
    }
    second = Settings(home=tmp_path, clock_enabled=False, **free_ports(), **addresses)
    try:
        assert all(state.up for state in catalog.up(second))
        programs = json.dumps([process.cmdline() for process in home_processes(tmp_path)])
        assert "ray_head" not in programs and "mlflow" not in programs
        assert {address for address, _ in listening(tmp_path)} == {"127.0.0.1"}
    finally:
        catalog.down(second)
    assert home_processes(tmp_path) == set()
    assert all(state.up for state in catalog.status(home))


def test_failed_start_names_the_service_and_stops_all(tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path, mlflow_uri="nosuchstore://x", ray_address="127.0.0.1:1", **free_ports()
    )
    with pytest.raises(SetupError, match=r"(ray does not answer|mlflow did not start)"):
        _up_within(settings, seconds=5)
    assert home_processes(tmp_path) == set()
    assert not run_link(tmp_path).is_symlink()


def _up_within(settings: Settings, seconds: float) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog, "START_S", seconds)
        catalog.up(settings)


def _deploy(settings: Settings, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    program = settings.home / "hello.py"
    program.write_text(APPLICATION)
    command = [sys.executable, str(program), local_ray_address(settings), str(settings.serve_port)]
    return subprocess.run(
        command,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _programs(settings: Settings) -> set[int]:
    """Process ids of what supervisord itself started."""
    supervisord = psutil.Process(
        int((settings.home / "supervisor" / "supervisord.pid").read_text())
    )
    return {child.pid for child in supervisord.children()}
