"""Processes that a home started, found again and ended: by the mark in their environment, their command, their parents.

Only processes that bear the home's mark or descend from one that does are ever touched.
"""

import os
from collections.abc import Iterable
from pathlib import Path

import psutil

HOME_VARIABLE = "SERVICES_OF_RETENTION_HOME"


def home_processes(home: Path) -> set[psutil.Process]:
    """Processes of this home's services, with all their descendants. Never this process or one that it runs under."""
    found = {
        process
        for process in psutil.process_iter()
        if _environment(process).get(HOME_VARIABLE) == str(home)
    }
    return with_descendants(found)


def processes_with_command(*fragments: str) -> set[psutil.Process]:
    """Processes whose command line holds one of the fragments, with all their descendants."""
    found = {
        process
        for process in psutil.process_iter()
        if any(part in _command(process) for part in fragments)
    }
    return with_descendants(found)


def with_descendants(processes: Iterable[psutil.Process]) -> set[psutil.Process]:
    """The processes and all below them, without this process and its own ancestors."""
    found: set[psutil.Process] = set()
    for process in processes:
        try:
            found |= {process, *process.children(recursive=True)}
        except psutil.NoSuchProcess:
            continue
    here = psutil.Process()
    return found - {here, *here.parents()}


def end_processes(processes: Iterable[psutil.Process], patience_s: float) -> list[psutil.Process]:
    """Asks them to end, then kills. Returns those that are still there: none, unless the kernel holds one."""
    _signal(waiting := list(processes), kill=False)
    _, waiting = psutil.wait_procs(waiting, timeout=patience_s)
    _signal(waiting, kill=True)
    return psutil.wait_procs(waiting, timeout=patience_s)[1]


def _signal(processes: Iterable[psutil.Process], kill: bool) -> None:
    for process in processes:
        try:
            process.kill() if kill else process.terminate()
        except psutil.NoSuchProcess:
            continue


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ() if process.pid != os.getpid() else {}
    except (psutil.Error, OSError):
        return {}


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except (psutil.Error, OSError):
        return ""
