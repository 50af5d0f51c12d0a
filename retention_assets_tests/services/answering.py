"""A small HTTP server on loopback, for tests of whoever asks one."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Answering:
    """Where it answers, and what it was asked: path, Authorization header and connection of each request."""

    port: int
    asked: list[tuple[str, str | None, Any]] = field(default_factory=list)


@contextmanager
def answering(answer: Callable[[str], tuple[int, Any]]) -> Iterator[Answering]:
    """Answers every request with the status and the bytes, or the JSON of the value, that `answer` gives for its path."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            server.asked.append((self.path, self.headers["Authorization"], self.client_address))
            status, said = answer(self.path)
            body = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None: ...

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    server, thread = (
        Answering(http.server_port),
        threading.Thread(target=http.serve_forever, args=(0.05,)),
    )
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
