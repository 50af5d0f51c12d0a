"""All services of a home, really started: Redis, Ray with Serve behind HAProxy, MLflow, Dagster's webserver and daemon."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from retention_assets.errors import SetupError
from retention_assets.services import catalog as services
from retention_assets.services.ports import is_free
from retention_assets.services.processes import home_processes
from retention_assets.services.ray_head import local_ray_address, ray_environment
from retention_assets.services.run_folder import run_link
from retention_assets.settings import Settings
from retention_assets_tests.services.homes import LOOPBACK, PORTS, free_ports, listening

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
    services.up(settings)
    yield settings
    services.down(settings)
    assert home_processes(settings.home) == set()
    assert not run_link(settings.home).is_symlink()
    assert [port for port in PORTS if not is_free(getattr(settings, port))] == []


def test_all_services_answer(home: Settings) -> None:
    names = ["redis", "ray", "mlflow", "dagster_webserver", "dagster_daemon"]
    assert [(state.name, state.up) for state in services.status(home)] == [
        (name, True) for name in names
    ]


def test_a_second_start_keeps_what_runs(home: Settings) -> None:
    before = _programs(home)
    services.up(home)
    assert _programs(home) == before


def test_serve_answers_through_haproxy_and_every_port_is_on_loopback(home: Settings) -> None:
    deployed = _deploy(home, ray_environment(home))
    assert deployed.returncode == 0, deployed.stderr
    assert httpx.get(f"http://127.0.0.1:{home.serve_port}/hello", trust_env=False).json() == "hello"
    heard = listening(home.home)
    assert {address for address, _ in heard} <= LOOPBACK
    assert {getattr(home, name) for name in PORTS} <= {port for _, port in heard}


def test_ray_refuses_a_driver_without_the_token(home: Settings) -> None:
    stranger = _deploy(home, ray_environment(home) | {"RAY_AUTH_MODE": "disabled"})
    assert stranger.returncode != 0 and "authentication" in stranger.stderr.lower()


def test_a_home_beside_it_shares_what_its_settings_name_and_stops_only_its_own(
    home: Settings, tmp_path: Path
) -> None:
    elsewhere: dict[str, Any] = {
        "ray_address": local_ray_address(home),
        "mlflow_uri": f"http://127.0.0.1:{home.mlflow_port}",
    }
    beside = Settings(home=tmp_path, clock_enabled=False, **free_ports(), **elsewhere)
    try:
        assert all(state.up for state in services.up(beside))
        programs = json.dumps([process.cmdline() for process in home_processes(tmp_path)])
        assert "ray_head" not in programs and "mlflow" not in programs
        assert {address for address, _ in listening(tmp_path)} == {"127.0.0.1"}
    finally:
        services.down(beside)
    assert home_processes(tmp_path) == set()
    assert all(state.up for state in services.status(home))


def test_a_failed_start_names_the_service_and_leaves_nothing_behind(tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path, mlflow_uri="nosuchstore://x", ray_address="127.0.0.1:1", **free_ports()
    )
    with pytest.raises(SetupError, match=r"(ray does not answer|mlflow did not start)"):
        _up_within(settings, seconds=5)
    assert home_processes(tmp_path) == set()
    assert not run_link(tmp_path).is_symlink()


def _up_within(settings: Settings, seconds: float) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(services, "START_S", seconds)
        services.up(settings)


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
