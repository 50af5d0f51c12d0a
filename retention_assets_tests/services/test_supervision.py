"""supervisord of one home: programs are started, restarted, and never left behind."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from retention_assets.services.catalog import managed_services, redis_url, service_environment
from retention_assets.services.processes import HOME_VARIABLE, home_processes
from retention_assets.services.supervision import Program, Supervisor
from retention_assets.settings import Settings
from retention_assets_tests.waiting import eventually

SLEEPER = Program("sleeper", [sys.executable, "-c", "import time; time.sleep(600)"], settle_s=0)
# A child in a session of its own that ignores SIGTERM: what a group's signal does not reach.
STRAY = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
START_STRAY = f"subprocess.run([sys.executable, '-c', {STRAY!r}], start_new_session=True)"
PARENT = f"import subprocess, sys; {START_STRAY}"


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path / "home", tmp_path / "home" / "logs")
    supervisor.home.mkdir()
    yield supervisor
    supervisor.stop()


def environment(supervisor: Supervisor) -> dict[str, str]:
    return Settings(home=supervisor.home).environment() | {HOME_VARIABLE: str(supervisor.home)}


def test_stop_ends_all_programs(supervisor: Supervisor) -> None:
    supervisor.start([SLEEPER], environment(supervisor))
    assert eventually(lambda: supervisor.states() == {"sleeper": "RUNNING"})
    assert len(home_processes(supervisor.home)) == 2
    supervisor.stop()
    assert supervisor.states() == {} and home_processes(supervisor.home) == set()


def test_stop_reaches_detached_grandchildren(
    supervisor: Supervisor,
) -> None:
    supervisor.start(
        [Program("parent", [sys.executable, "-c", PARENT], settle_s=0)], environment(supervisor)
    )
    assert eventually(lambda: len(home_processes(supervisor.home)) == 3)
    supervisor.stop()
    assert home_processes(supervisor.home) == set()


def test_stop_finds_orphans_of_a_killed_supervisord(supervisor: Supervisor) -> None:
    supervisor.start([SLEEPER], environment(supervisor))
    assert eventually(lambda: supervisor.states() == {"sleeper": "RUNNING"})
    psutil.Process(int(supervisor.config_file.with_name("supervisord.pid").read_text())).kill()
    assert eventually(lambda: len(home_processes(supervisor.home)) == 1)
    supervisor.stop()
    assert home_processes(supervisor.home) == set()


def test_ended_program_is_restarted(supervisor: Supervisor) -> None:
    supervisor.start([SLEEPER], environment(supervisor))
    assert eventually(lambda: supervisor.states() == {"sleeper": "RUNNING"})
    # Supervisord calls a program running before it has its own command line.
    assert eventually(lambda: len(sleepers(supervisor)) == 1)
    (first,) = sleepers(supervisor)
    first.kill()
    assert eventually(
        lambda: supervisor.states() == {"sleeper": "RUNNING"} and not first.is_running()
    )


def sleepers(supervisor: Supervisor) -> list[psutil.Process]:
    return [
        process
        for process in home_processes(supervisor.home)
        if "sleep(600)" in " ".join(process.cmdline())
    ]


def test_restarted_program_is_a_new_process(supervisor: Supervisor) -> None:
    supervisor.start([SLEEPER], environment(supervisor))
    assert eventually(lambda: supervisor.states() == {"sleeper": "RUNNING"})
    before = home_processes(supervisor.home)
    supervisor.restart("sleeper")
    assert eventually(lambda: supervisor.states() == {"sleeper": "RUNNING"})
    assert len(before & home_processes(supervisor.home)) == 1


def test_stop_leaves_other_homes_alone(supervisor: Supervisor, tmp_path: Path) -> None:
    other = Supervisor(tmp_path / "other", tmp_path / "other" / "logs")
    other.home.mkdir()
    try:
        for home in (supervisor, other):
            home.start([SLEEPER], environment(home))
        assert eventually(lambda: other.states() == {"sleeper": "RUNNING"})
        supervisor.stop()
        assert other.states() == {"sleeper": "RUNNING"}
    finally:
        other.stop()


def test_stop_leaves_unmanaged_processes_alone(supervisor: Supervisor) -> None:
    supervisor.start([SLEEPER], environment(supervisor))
    process = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"], cwd=supervisor.home
    )
    try:
        supervisor.stop()
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def test_embedded_redis_uses_its_socket_and_keeps_data(
    tmp_path: Path,
) -> None:
    import redis

    settings = Settings(home=tmp_path / ("long" * 30), redis_url=None)
    supervisor = Supervisor(settings.home, settings.logs)
    (service,) = (service for service in managed_services(settings) if service.name == "redis")
    assert service.command is not None and service.answers is not None
    (settings.home / "redis").mkdir(parents=True)
    program = Program(service.name, service.command, settle_s=0)
    try:
        for expected in (None, b"stored"):
            supervisor.start([program], service_environment(settings))
            assert eventually(service.answers)
            with redis.Redis.from_url(redis_url(settings)) as client:
                assert client.get("x") == expected
                client.set("x", "stored")
            assert not [
                entry
                for process in home_processes(settings.home)
                for entry in process.net_connections("inet")
            ]
            supervisor.stop()
    finally:
        supervisor.stop()
