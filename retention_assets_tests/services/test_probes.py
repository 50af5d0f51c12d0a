"""A probe tells whether something answers, gives up soon, and takes nothing else for an answer."""

import socket
import time
from collections.abc import Callable, Iterator

import pytest

from retention_assets.services import probes
from retention_assets.services.probes import answers_http, answers_redis, answers_tcp
from retention_assets_tests.serve.redis_server import RedisServer
from retention_assets_tests.services.answering import answering


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_address_may_have_scheme_and_path(silent: int) -> None:
    for address in (
        f"127.0.0.1:{silent}",
        f"http://127.0.0.1:{silent}",
        f"ray://127.0.0.1:{silent}/path",
    ):
        assert answers_tcp(address)


@pytest.mark.parametrize(
    "address",
    ["", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:-1", "127.0.0.1:99999"],
)
def test_invalid_address_does_not_answer(address: str) -> None:
    assert not answers_tcp(address)


@pytest.mark.parametrize("url", ["localhost:6379", "redis://h:x", "redis://h:99999", "", "http://"])
def test_invalid_redis_url_does_not_answer(url: str) -> None:
    assert not answers_redis(url)


@pytest.mark.parametrize("url", ["http://host:notaport", "", "host", "http://[::"])
def test_invalid_url_does_not_answer(url: str) -> None:
    assert not answers_http(url)


@pytest.mark.parametrize(
    ("status", "up"),
    [(200, True), (204, True), (301, False), (401, False), (404, False), (503, False)],
)
def test_only_http_success_counts_as_answer(status: int, up: bool) -> None:
    with answering(lambda path: (status, "")) as server:
        assert answers_http(f"http://127.0.0.1:{server.port}/health") == up
    assert server.requests[0][0] == "/health"


def test_probe_ignores_proxy_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with answering(lambda path: (200, "")) as server:
        assert answers_http(f"http://127.0.0.1:{server.port}/")


@pytest.mark.parametrize(
    "probe",
    [
        lambda port: answers_http(f"http://127.0.0.1:{port}/"),
        lambda port: answers_redis(f"redis://127.0.0.1:{port}"),
    ],
    ids=["http", "redis"],
)
def test_silent_server_is_given_up(
    probe: Callable[[int], bool], silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert probes.PATIENCE_S <= 2.0
    probe(1)  # what is imported at first use is not waited for below
    monkeypatch.setattr(probes, "PATIENCE_S", 0.2)
    began = time.monotonic()
    assert not probe(silent)
    assert 0.2 <= time.monotonic() - began < 2.0


def test_closed_port_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert not answers_tcp(f"127.0.0.1:{port}")
    assert not answers_http(f"http://127.0.0.1:{port}/") and not answers_redis(
        f"redis://127.0.0.1:{port}"
    )


def test_redis_answers_with_the_right_password() -> None:
    redis = RedisServer()
    try:
        redis.start()
        assert answers_redis(redis.url)
        with redis.client() as client:
            client.config_set("requirepass", "secret")
        assert not answers_redis(redis.url)
        redis.stop()
        assert not answers_redis(redis.url)
    finally:
        redis.remove()


def test_http_server_is_not_redis() -> None:
    with answering(lambda path: (200, "PONG")) as server:
        assert not answers_redis(f"redis://127.0.0.1:{server.port}")
