"""supervisord of one home: real programs are started, watched, and never left behind."""

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
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {STRAY!r}], start_new_session=True)"


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path / "home", tmp_path / "home" / "logs")
    supervisor.home.mkdir()
    yield supervisor
    supervisor.stop()


def environment(supervisor: Supervisor) -> dict[str, str]:
    return Settings(home=supervisor.home).environment() | {HOME_VARIABLE: str(supervisor.home)}


def test_programs_run_until_stopped_and_nothing_is_left(supervisor: Supervisor) -> None:
    supervisor.start([SLEEPER], environment(supervisor))
    assert eventually(lambda: supervisor.states() == {"sleeper": "RUNNING"})
    assert len(home_processes(supervisor.home)) == 2
    supervisor.stop()
    assert supervisor.states() == {} and home_processes(supervisor.home) == set()


def test_stopping_reaches_grandchildren_that_left_the_group_and_ignore_the_signal(
    supervisor: Supervisor,
) -> None:
    supervisor.start(
        [Program("parent", [sys.executable, "-c", PARENT], settle_s=0)], environment(supervisor)
    )
    assert eventually(lambda: len(home_processes(supervisor.home)) == 3)
    supervisor.stop()
    assert home_processes(supervisor.home) == set()


def test_a_killed_supervisord_leaves_orphans_that_stop_still_finds(supervisor: Supervisor) -> None:
    supervisor.start([SLEEPER], environment(supervisor))
    assert eventually(lambda: supervisor.states() == {"sleeper": "RUNNING"})
    psutil.Process(int(supervisor.config_file.with_name("supervisord.pid").read_text())).kill()
    assert eventually(lambda: len(home_processes(supervisor.home)) == 1)
    supervisor.stop()
    assert home_processes(supervisor.home) == set()


def test_a_program_that_ends_is_started_again(supervisor: Supervisor) -> None:
    supervisor.start([SLEEPER], environment(supervisor))
    assert eventually(lambda: supervisor.states() == {"sleeper": "RUNNING"})
    (first,) = (
        process
        for process in home_processes(supervisor.home)
        if "sleep(600)" in " ".join(process.cmdline())
    )
    first.kill()
    assert eventually(
        lambda: supervisor.states() == {"sleeper": "RUNNING"} and not first.is_running()
    )


def test_stopping_one_home_leaves_another_alone(supervisor: Supervisor, tmp_path: Path) -> None:
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


def test_a_process_that_merely_lives_in_the_home_is_not_touched(supervisor: Supervisor) -> None:
    supervisor.start([SLEEPER], environment(supervisor))
    mine = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"], cwd=supervisor.home
    )
    try:
        supervisor.stop()
        assert mine.poll() is None
    finally:
        mine.kill()
        mine.wait()


def test_the_embedded_redis_listens_on_its_socket_only_and_keeps_what_it_was_told(
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
        for expected in (None, b"kept"):
            supervisor.start([program], service_environment(settings))
            assert eventually(service.answers)
            with redis.Redis.from_url(redis_url(settings)) as client:
                assert client.get("x") == expected
                client.set("x", "kept")
            assert not [
                entry
                for process in home_processes(settings.home)
                for entry in process.net_connections("inet")
            ]
            supervisor.stop()
    finally:
        supervisor.stop()
