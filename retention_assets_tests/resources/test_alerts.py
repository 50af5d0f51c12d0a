"""Alerts reach every address, and say so in the log when they do not."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from retention_assets.resources.alerts import Alerts
from retention_assets.settings import Settings


@pytest.fixture
def inbox() -> Iterator[tuple[int, list[dict]]]:
    """A webhook on loopback that keeps what it is sent."""
    received: list[dict] = []

    class Inbox(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Inbox)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port, received
    server.shutdown()
    thread.join()
    server.server_close()


def test_alert_reaches_address_and_log(inbox: tuple[int, list[dict]]) -> None:
    port, received = inbox
    lines: list[str] = []
    assert Alerts.of(Settings(alert_urls=f"json://127.0.0.1:{port}/, ")).send(
        "Run failed", "training: out of disk", lines.append
    )
    assert [(mail["title"], mail["message"]) for mail in received] == [
        ("Run failed", "training: out of disk")
    ]
    assert lines == ["ALERT Run failed: training: out of disk"]


def test_alert_without_address_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    lines: list[str] = []
    assert Alerts.of(Settings(alert_urls=None)).send(
        "Stale", "decisions/churn_scores", lines.append
    )
    assert lines == ["ALERT Stale: decisions/churn_scores"]


def test_undelivered_alert_hides_the_address() -> None:
    lines: list[str] = []
    assert not Alerts(urls=["json://user:secret@127.0.0.1:9/"]).send("Stale", "x", lines.append)
    assert "not delivered" in lines[-1]
    assert "secret" not in "".join(lines)
