"""A taken port is named before anything starts, with the variable that moves it."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from retention_assets.errors import SetupError
from retention_assets.services.ports import check_ports, inner_ports, needed_ports
from retention_assets.services.processes import HOME_VARIABLE
from retention_assets.settings import Settings
from retention_assets_tests.services.homes import free_ports


def test_taken_port_is_named_with_its_variable(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, **free_ports())
    named = f"{settings.mlflow_port} \\(RETENTION_MLFLOW_PORT\\)"
    with (
        socket.create_server(("127.0.0.1", settings.mlflow_port)),
        pytest.raises(SetupError, match=named),
    ):
        check_ports(settings)
    check_ports(settings)


LISTENS = """
import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("ready", flush=True)
sys.stdin.read()
"""


def test_home_that_holds_a_port_is_named(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, **free_ports())
    command = [sys.executable, "-c", LISTENS, str(settings.webserver_port)]
    environment = {**os.environ, HOME_VARIABLE: "/homes/other"}
    with subprocess.Popen(
        command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as service:
        assert service.stdout and service.stdout.readline() == "ready\n"
        with pytest.raises(SetupError, match="The services of the home /homes/other") as error:
            check_ports(settings)
        service.communicate()
    assert "RETENTION_HOME=/homes/other retention down" in error.value.fix


def test_two_settings_with_one_port_are_named(tmp_path: Path) -> None:
    ports = free_ports()
    settings = Settings(home=tmp_path, **ports | {"ray_port": ports["serve_port"]})
    with pytest.raises(SetupError, match=r"RETENTION_RAY_PORT.*RETENTION_SERVE_PORT"):
        check_ports(settings)


def test_port_in_the_replica_range_is_named(tmp_path: Path) -> None:
    ports = free_ports()
    settings = Settings(home=tmp_path, **ports | {"serve_port": ports["serve_inner_port"] + 1})
    with pytest.raises(SetupError, match=r"RETENTION_SERVE_PORT"):
        check_ports(settings)


def test_default_ports_are_distinct() -> None:
    needed = needed_ports(Settings())
    replicas = inner_ports(Settings())[1:]
    assert len(set(needed.values())) == len(needed) and not set(needed.values()) & set(replicas)


def test_remote_services_need_no_port(tmp_path: Path) -> None:
    elsewhere = Settings(
        home=tmp_path, ray_address="10.0.0.1:6379", mlflow_uri="http://10.0.0.2:5000"
    )
    assert set(needed_ports(elsewhere)) == {"webserver_port"}
    assert "mlflow_port" in needed_ports(
        Settings(home=tmp_path, mlflow_uri="postgresql://db/mlflow")
    )
