"""Only a home's processes and their descendants are found and ended."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from retention_assets.services.processes import (
    HOME_VARIABLE,
    end_processes,
    home_processes,
    processes_with_command,
)
from retention_assets_tests.waiting import eventually

SLEEPS = "import time; time.sleep(600)"
STUBBORN = f"""
import pathlib, signal, sys
signal.signal(15, signal.SIG_IGN)
pathlib.Path(sys.argv[1]).touch()
{SLEEPS}
"""
POLITE = f"""
import pathlib, signal, sys
def end(*_):
    pathlib.Path(sys.argv[1], "ended in order").touch()
    sys.exit()
signal.signal(15, end)
pathlib.Path(sys.argv[1], "ready").touch()
{SLEEPS}
"""
PARENT = (
    f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', '{SLEEPS}'], env={{}}).wait()"
)
# Prints the processes found by variable and by command; its own command and its shell's match too.
LOOKS = """
import sys
from pathlib import Path
from retention_assets.services.processes import home_processes, processes_with_command
found = home_processes(Path(sys.argv[1])) | processes_with_command(sys.argv[1])
print(sorted(process.pid for process in found))
"""


class Children:
    """Processes that a test starts and that end with it."""

    def __init__(self) -> None:
        self.started: list[subprocess.Popen] = []

    def start(self, code: str, *arguments: object, mark: object = None) -> psutil.Process:
        environment = {**os.environ, HOME_VARIABLE: str(mark)} if mark else {**os.environ}
        command = [sys.executable, "-c", code, *map(str, arguments)]
        self.started.append(subprocess.Popen(command, env=environment))
        return psutil.Process(self.started[-1].pid)


@pytest.fixture
def children() -> Iterator[Children]:
    running = Children()
    yield running
    for process in running.started:
        process.kill()
        process.wait()


def test_home_processes_match_the_whole_name(children: Children, tmp_path: Path) -> None:
    home = tmp_path / "home"
    process = children.start(SLEEPS, mark=home)
    children.start(SLEEPS, mark=f"{home}2")
    children.start(SLEEPS, mark=home.parent)
    children.start(SLEEPS, home)
    assert home_processes(home) == {process}


def test_unmarked_descendant_belongs_to_the_home(children: Children, tmp_path: Path) -> None:
    parent = children.start(PARENT, mark=tmp_path)
    assert eventually(lambda: len(parent.children()) == 1)
    (child,) = parent.children()
    assert HOME_VARIABLE not in child.environ()
    assert home_processes(tmp_path) == {parent, child}
    assert end_processes(home_processes(tmp_path), patience_s=5) == []
    assert not child.is_running()


def test_processes_are_found_by_command_fragment(children: Children, tmp_path: Path) -> None:
    ray = children.start(SLEEPS, tmp_path / "ray" / "x")
    haproxy = children.start(SLEEPS, tmp_path / "ha")
    children.start(SLEEPS, tmp_path / "other")
    assert processes_with_command(f"{tmp_path}/ray/", f"{tmp_path}/ha") == {ray, haproxy}
    assert processes_with_command() == set()


def test_caller_and_its_ancestors_are_left_out(children: Children, tmp_path: Path) -> None:
    sibling = children.start(SLEEPS, mark=tmp_path)
    shell = ["sh", "-c", '"$1" -c "$2" "$3"; true', "sh", sys.executable, LOOKS, str(tmp_path)]
    environment = {**os.environ, HOME_VARIABLE: str(tmp_path)}
    result = subprocess.run(shell, env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == f"[{sibling.pid}]"


def test_stubborn_process_is_killed_after_a_wait(children: Children, tmp_path: Path) -> None:
    bystander = children.start(SLEEPS)
    polite = children.start(POLITE, tmp_path)
    stubborn = children.start(STUBBORN, tmp_path / "stubborn")
    gone = children.start("")
    assert children.started[-1].wait() == 0
    assert eventually(lambda: (tmp_path / "ready").exists() and (tmp_path / "stubborn").exists())
    assert end_processes([polite, stubborn, gone], patience_s=2) == []
    assert (tmp_path / "ended in order").exists()
    assert not stubborn.is_running() and bystander.status() != psutil.STATUS_ZOMBIE


def test_unkillable_process_is_returned(children: Children) -> None:
    """A process that ignores even SIGKILL is imitated by one that receives no signal."""

    class Unkillable(psutil.Process):
        def terminate(self) -> None: ...

        def kill(self) -> None: ...

    process = Unkillable(children.start(SLEEPS).pid)
    assert end_processes([process], patience_s=0.1) == [process]
