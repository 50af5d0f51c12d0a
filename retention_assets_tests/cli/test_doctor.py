"""Each finding of the doctor that is amiss says how to mend it."""

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


def test_a_machine_that_runs_these_tests_has_what_the_platform_needs(settings: Settings) -> None:
    looked_at = (doctor.python, doctor.java, doctor.jars, doctor.disk, doctor.redis, doctor.ports)
    assert [check(settings).fix for check in looked_at] == [""] * len(looked_at)
    assert {check.__name__ for check in doctor.CHECKS} == {
        check.__name__ for check in looked_at
    } | {"memory"}


def test_a_taken_port_is_named_with_its_variable(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", settings.serve_port)):
        finding = doctor.ports(settings)
    assert f"{settings.serve_port} (RETENTION_SERVE_PORT)" in finding.found and finding.fix


def test_a_redis_that_does_not_answer_is_reported_without_its_password(settings: Settings) -> None:
    away = settings.model_copy(
        update={"redis_url": f"redis://user:secret@127.0.0.1:{settings.serve_port}"}
    )
    finding = doctor.redis(away)
    assert (
        "RETENTION_REDIS_URL" in finding.fix and "secret" not in finding.found + finding.fix
    )


def test_a_java_that_is_none_is_reported_with_its_setting(
    settings: Settings, tmp_path: Path
) -> None:
    assert (
        "RETENTION_JAVA_HOME"
        in doctor.java(settings.model_copy(update={"java_home": tmp_path})).found
    )


@pytest.mark.parametrize("version", [(3, 10, 9), (3, 13, 0)])
def test_a_python_that_the_packages_do_not_support_is_reported(
    settings: Settings, version: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    assert "3.11 or 3.12" in doctor.python(settings).fix


def test_little_memory_and_little_disk_are_reported(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "MEMORY_BYTES", 2**60)
    monkeypatch.setattr(doctor, "DISK_BYTES", 2**60)
    assert "RETENTION_SPARK_MEMORY" in doctor.memory(settings).fix
    assert "RETENTION_HOME" in doctor.disk(settings).fix
