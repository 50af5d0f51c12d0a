"""How the local Ray is started: options that the installed Ray knows, loopback, hidden token."""

import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from retention_assets.services.api_keys import ray_token_file
from retention_assets.services.ray_head import (
    WORKER_HOOK,
    head_command,
    local_ray_address,
    ray_environment,
    without_client_server,
)
from retention_assets.settings import Settings
from retention_assets_tests.services.homes import free_ports


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", ray_address=None, **free_ports())


def test_ray_accepts_the_command(settings: Settings) -> None:
    from ray.scripts.scripts import start

    program, verb, *options = head_command(settings)
    assert (Path(program).name, Path(program).exists(), verb) == ("ray", True, "start")
    params = start.make_context("start", options).params
    assert (params["head"], params["block"], params["node_ip_address"]) == (True, True, "127.0.0.1")
    assert (params["include_dashboard"], params["port"]) == (False, settings.ray_port)


def test_installed_ray_reads_every_variable(settings: Settings) -> None:
    """A variable that nothing reads is silent."""
    from ray.serve._private import constants

    switches = {name for name in ray_environment(settings) if name.startswith("RAY_SERVE_")}
    read = set(re.findall(r"RAY_SERVE_\w+", inspect.getsource(constants)))
    assert len(switches) > 10 and switches - read == set()


def test_installed_ray_calls_the_hooks() -> None:
    from ray._private import ray_constants
    from ray._private.parameter import RayParams

    assert ray_constants.WORKER_PROCESS_SETUP_HOOK_ENV_VAR == WORKER_HOOK
    params = RayParams(ray_client_server_port=10001)
    without_client_server(params, head=True)
    assert params.ray_client_server_port is None


def test_token_is_not_in_the_command(settings: Settings) -> None:
    environment = ray_environment(settings)
    token = Path(environment["RAY_AUTH_TOKEN_PATH"]).read_text().strip()
    assert environment["RAY_AUTH_MODE"] == "token" and environment["RAY_AUTH_TOKEN_PATH"] == str(
        ray_token_file(settings)
    )
    assert len(token) >= 32 and token not in str(environment) + str(head_command(settings))


def test_two_homes_share_no_file_or_port(settings: Settings, tmp_path: Path) -> None:
    apart = re.compile("PATH|FILE|BASE|(?<!DASHBOARD_METRIC)_PORT$")
    environment = ray_environment(settings)
    other = ray_environment(Settings(home=tmp_path / "other", ray_address=None, **_moved(settings)))
    compared = [name for name in environment if apart.search(name)]
    assert len(compared) >= 11
    assert [name for name in compared if environment[name] == other[name]] == []


def test_remote_cluster_needs_no_variables(
    tmp_path: Path,
) -> None:
    elsewhere = Settings(home=tmp_path, ray_address="10.0.0.1:6379")
    assert (ray_environment(elsewhere), local_ray_address(elsewhere)) == ({}, "10.0.0.1:6379")
    assert list(tmp_path.iterdir()) == []


def _moved(settings: Settings) -> dict[str, Any]:
    """The settings' ports, each one further on by a thousand."""
    return {name: getattr(settings, name) + 1000 for name in free_ports()}
