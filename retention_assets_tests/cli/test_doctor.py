"""Each check of the doctor that finds a problem says how to fix it."""

import socket
import sys
from pathlib import Path

import pytest

from retention_assets.cli import doctor
from retention_assets.settings import Settings
from retention_assets_tests.services.homes import free_ports


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", redis_url=None, **free_ports())


def test_this_machine_has_what_the_platform_needs(settings: Settings) -> None:
    checks = (doctor.python, doctor.java, doctor.jars, doctor.disk, doctor.redis, doctor.ports)
    assert [check(settings).fix for check in checks] == [""] * len(checks)
    assert set(doctor.CHECKS) == {*checks, doctor.memory}


def test_taken_port_is_named_with_its_variable(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", settings.serve_port)):
        result = doctor.ports(settings)
    assert f"{settings.serve_port} (RETENTION_SERVE_PORT)" in result.value
    assert result.fix


def test_silent_redis_is_reported_without_its_password(settings: Settings) -> None:
    away = settings.model_copy(
        update={"redis_url": f"redis://user:secret@127.0.0.1:{settings.serve_port}"}
    )
    result = doctor.redis(away)
    assert "RETENTION_REDIS_URL" in result.fix
    assert "secret" not in result.value + result.fix


def test_missing_java_is_reported_with_its_setting(settings: Settings, tmp_path: Path) -> None:
    result = doctor.java(settings.model_copy(update={"java_home": tmp_path}))
    assert "RETENTION_JAVA_HOME" in result.value


@pytest.mark.parametrize("version", [(3, 10, 9), (3, 13, 0)])
def test_unsupported_python_is_reported(
    settings: Settings, version: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    assert "3.11 or 3.12" in doctor.python(settings).fix


def test_low_memory_and_disk_are_reported(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "MEMORY_BYTES", 2**60)
    monkeypatch.setattr(doctor, "DISK_BYTES", 2**60)
    assert "RETENTION_SPARK_MEMORY" in doctor.memory(settings).fix
    assert "RETENTION_HOME" in doctor.disk(settings).fix
