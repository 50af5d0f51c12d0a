"""supervisord for one home: configuration, start, control over a Unix socket, stop.

Knows programs as commands only; catalog.py says which programs a home needs.
"""

import subprocess
import sys
import xmlrpc.client
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import join
from typing import Any

import psutil
from supervisor.xmlrpc import SupervisorTransport

from retention_assets.errors import SetupError
from retention_assets.services.processes import end_processes, home_processes
from retention_assets.services.run_folder import make_run_folder, remove_run_link, run_link

STOP_S = 8  # How long a program may take to stop before supervisor kills it.


@dataclass(frozen=True)
class Program:
    """A supervised program.

    If it ends within `settle_s` seconds it has failed to start; later it is restarted.
    """

    name: str
    command: Sequence[str]
    settle_s: int


@dataclass(frozen=True)
class Supervisor:
    """One home's supervisord."""

    home: Path
    logs: Path

    @property
    def config_file(self) -> Path:
        return self.home / "supervisor" / "supervisord.conf"

    @property
    def socket(self) -> Path:
        return run_link(self.home) / "supervisor.sock"

    @property
    def rpc(self) -> xmlrpc.client.ServerProxy:
        return xmlrpc.client.ServerProxy(
            "http://127.0.0.1", transport=SupervisorTransport(serverurl=f"unix://{self.socket}")
        )

    def log(self, program: str) -> Path:
        return self.logs / f"{program}.log"

    def states(self) -> dict[str, str]:
        """Program -> state, in supervisor's terms; empty when no supervisord answers."""
        try:
            programs: Any = self.rpc.supervisor.getAllProcessInfo()
        except (OSError, xmlrpc.client.Error):
            return {}
        return {str(info["name"]): str(info["statename"]) for info in programs}

    def start(self, programs: Sequence[Program], environment: dict[str, str]) -> None:
        """Starts supervisord, and with it the programs, with exactly this environment."""
        make_run_folder(self.home)
        for folder in (self.logs, self.config_file.parent):
            folder.mkdir(parents=True, exist_ok=True)
        for program in programs:
            self.log(program.name).unlink(missing_ok=True)
        self.config_file.write_text(self._config(programs))
        command = [
            str(Path(sys.executable).with_name("supervisord")),
            "--configuration",
            str(self.config_file),
        ]
        result = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        if result.returncode:
            raise SetupError(
                f"supervisord did not start: {(result.stderr or result.stdout).strip()[-300:]}",
                "Run `retention doctor`.",
            )

    def restart(self, program: str) -> None:
        """Ends one program and starts it again; returns at once."""
        self._call("stopProcess", program)
        self._call("startProcess", program, False)

    def stop(self) -> None:
        """Ends every process of this home's services, whether or not supervisord still answers."""
        processes = home_processes(self.home)
        for program in self.states():
            # All at once; shutdown alone waits for each in turn.
            self._call("stopProcess", program, False)
        if self._call("shutdown"):
            self._await_end(processes)
        if left := end_processes(processes | home_processes(self.home), patience_s=10):
            pids = ", ".join(str(process.pid) for process in left)
            raise SetupError(
                f"Processes {pids} of {self.home} do not end.",
                "Find out with `ps` what they wait for, then repeat.",
            )
        self.socket.unlink(missing_ok=True)
        remove_run_link(self.home)

    def _call(self, method: str, *arguments: object) -> bool:
        """Whether supervisord took the call."""
        try:
            getattr(self.rpc.supervisor, method)(*arguments)
        except (OSError, xmlrpc.client.Error):
            return False
        return True

    def _await_end(self, processes: set[psutil.Process]) -> None:
        """supervisord answers the call first and then stops the programs one by one."""
        pid_file = self.config_file.with_name("supervisord.pid")
        daemons = {
            process
            for process in processes
            if pid_file.exists() and str(process.pid) == pid_file.read_text().strip()
        }
        psutil.wait_procs(daemons, timeout=4 * STOP_S)

    def _config(self, programs: Sequence[Program]) -> str:
        sections = [
            CONFIG.format(folder=self.config_file.parent, socket=self.socket, logs=self.logs)
        ]
        for program in programs:
            command = join(program.command)
            log = self.log(program.name)
            sections.append(
                PROGRAM.format(program=program, command=command, log=log, stop_s=STOP_S)
            )
        return "\n".join(sections).replace("%", "%%")  # supervisor expands %(name)s


CONFIG = """[supervisord]
logfile={logs}/supervisord.log
pidfile={folder}/supervisord.pid
childlogdir={logs}
strip_ansi=true

[unix_http_server]
file={socket}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""

PROGRAM = """[program:{program.name}]
command={command}
startsecs={program.settle_s}
startretries=1
autorestart=true
stopwaitsecs={stop_s}
killasgroup=true
redirect_stderr=true
stdout_logfile={log}
stdout_logfile_maxbytes=20MB
stdout_logfile_backups=1
"""
