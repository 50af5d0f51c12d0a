"""Finds and ends the processes of a home, by a variable in their environment or by their command.

Only processes with the home's variable, and their descendants, are ever ended.
"""

import os
from collections.abc import Collection, Iterable
from pathlib import Path

import psutil

HOME_VARIABLE = "SERVICES_OF_RETENTION_HOME"


def home_processes(home: Path) -> set[psutil.Process]:
    """This home's services with all descendants, without this process and its ancestors."""
    processes = {
        process
        for process in psutil.process_iter()
        if _environment(process).get(HOME_VARIABLE) == str(home)
    }
    return with_descendants(processes)


def homes_listening_on(ports: Collection[int]) -> set[str]:
    """The homes whose services listen on one of these ports."""
    homes = {process: _environment(process).get(HOME_VARIABLE) for process in psutil.process_iter()}
    return {home for process, home in homes.items() if home and _listens(process, ports)}


def processes_with_command(*fragments: str) -> set[psutil.Process]:
    """Processes whose command line contains one of the fragments, with all their descendants."""
    processes = {
        process
        for process in psutil.process_iter()
        if any(part in _command(process) for part in fragments)
    }
    return with_descendants(processes)


def with_descendants(processes: Iterable[psutil.Process]) -> set[psutil.Process]:
    """The processes and their descendants, without this process and its ancestors."""
    family: set[psutil.Process] = set()
    for process in processes:
        try:
            family |= {process, *process.children(recursive=True)}
        except psutil.NoSuchProcess:
            continue
    here = psutil.Process()
    return family - {here, *here.parents()}


def end_processes(processes: Iterable[psutil.Process], patience_s: float) -> list[psutil.Process]:
    """Terminates the processes, then kills. Returns those that still run, stuck in the kernel."""
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


def _listens(process: psutil.Process, ports: Collection[int]) -> bool:
    try:
        connections = process.net_connections("tcp")
    except (psutil.Error, OSError):
        return False
    return any(
        connection.status == psutil.CONN_LISTEN and connection.laddr.port in ports
        for connection in connections
    )


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except (psutil.Error, OSError):
        return ""
