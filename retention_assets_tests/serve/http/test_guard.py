"""The guard through raw ASGI: rejected requests are not read, and accepted bodies are complete."""

import asyncio
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send

from retention_assets_tests.serve.applications import KEY
from serve.http.guard import Guard
from serve.http.limits import Limits
from serve.http.security import AcceptedKeys, key_digest
from serve.metrics import Metrics

LIMIT = 100
BEARER = (b"authorization", f"Bearer {KEY}".encode())


class Inner:
    """An application that records the bodies it receives and answers 200."""

    def __init__(self, fails: bool = False) -> None:
        self.bodies: list[bytes] = []
        self.fails = fails

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        assert not message["more_body"]
        self.bodies.append(message["body"])
        if self.fails:
            raise RuntimeError("it broke")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


class GuardedApplication:
    """A guard and its application. A call sends one request."""

    def __init__(self, rate_per_s: int = 1000, fails: bool = False) -> None:
        self.inner = Inner(fails)
        self.metrics = Metrics()
        self.received = 0
        keys = AcceptedKeys([key_digest(KEY), key_digest("another")])
        limits = Limits(body_bytes=LIMIT, rate_per_s=rate_per_s)
        self._guard = Guard(self.inner, keys=keys, limits=limits, metrics=self.metrics)

    def __call__(
        self,
        *chunks: bytes,
        headers: tuple = (BEARER,),
        path: str = "/predict",
        method: str = "POST",
    ) -> Message:
        """The first message of the answer to a request with these body chunks."""
        scope = {"type": "http", "method": method, "path": path, "headers": list(headers)}
        remaining = list(chunks)
        sent: list[Message] = []

        async def receive() -> Message:
            self.received += 1
            return {
                "type": "http.request",
                "body": remaining.pop(0) if remaining else b"",
                "more_body": bool(remaining),
            }

        async def send(message: Message) -> None:
            sent.append(message)

        asyncio.run(self._guard(scope, receive, send))
        return sent[0]


@pytest.mark.parametrize(
    "key", [b"Bearer \xff\xfe", "Bearer schlüssel".encode(), b"Bearer " + b"x" * 10_000, b"\xe9"]
)
def test_invalid_key_is_rejected_without_reading_the_body(key: bytes) -> None:
    guarded = GuardedApplication()
    assert guarded(b"{}", headers=((b"authorization", key),))["status"] == 401
    assert (guarded.received, guarded.inner.bodies) == (0, [])


@pytest.mark.parametrize(
    "declared", [b"101", b"9" * 5000, b"-1", b"+5", b"1e3", b"0x10", b"\xb2", b"", b"5, 5"]
)
def test_invalid_content_length_is_rejected_without_reading(declared: bytes) -> None:
    guarded = GuardedApplication()
    assert guarded(b"{}", headers=(BEARER, (b"content-length", declared)))["status"] == 413
    assert (guarded.received, guarded.inner.bodies) == (0, [])


@pytest.mark.parametrize(
    "headers",
    [(BEARER,), (BEARER, (b"content-length", b"5"))],
    ids=["undeclared", "declared smaller"],
)
def test_reading_stops_at_the_body_limit(headers: tuple) -> None:
    guarded = GuardedApplication()
    assert guarded(*[b"x" * 40] * 1000, headers=headers)["status"] == 413
    assert (guarded.received, guarded.inner.bodies) == (3, [])


@example(chunks=[b"x" * 60, b"x" * 40])
@example(chunks=[b"x" * 60, b"x" * 41])
@given(chunks=st.lists(st.binary(max_size=60), min_size=1, max_size=6))
def test_body_within_limit_arrives_as_one_message(chunks: list[bytes]) -> None:
    guarded = GuardedApplication()
    body = b"".join(chunks)
    assert guarded(*chunks)["status"] == (200 if len(body) <= LIMIT else 413)
    assert guarded.inner.bodies == ([body] if len(body) <= LIMIT else [])


def test_rate_limit_counts_each_accepted_key_separately() -> None:
    guarded = GuardedApplication(rate_per_s=1)
    another = (b"authorization", b"Bearer another")
    for _ in range(20):
        assert guarded(headers=((b"authorization", b"Bearer wrong"),))["status"] == 401
    first, *others = (guarded()["status"] for _ in range(10))
    assert first == 200 and 429 in others
    assert guarded(headers=(another,))["status"] == 200
    assert {guarded(headers=(), path="/health", method="GET")["status"] for _ in range(20)} == {200}


@pytest.mark.parametrize(
    "path", ["/health/", "//health", "/HEALTH", "/health/../model", "/health;x", "/metrics"]
)
def test_paths_similar_to_health_need_a_key(path: str) -> None:
    assert GuardedApplication()(headers=(), path=path, method="GET")["status"] == 401


def test_response_headers_contain_no_caller_input() -> None:
    evil = b"evil\r\nSet-Cookie: a=b"
    responses = [
        GuardedApplication()(headers=(*key, (b"x-request-id", evil)), path=f"/{evil.decode()}")
        for key in [(BEARER,), ()]
    ]
    assert [response["status"] for response in responses] == [200, 401]
    headers: list[dict[bytes, Any]] = [dict(response["headers"]) for response in responses]
    for values in headers:
        assert len(values[b"x-request-id"]) == 32
        assert values[b"cache-control"] == b"no-store"
        assert b"evil" not in b"".join(values.values())
    assert headers[0][b"x-request-id"] != headers[1][b"x-request-id"]


def test_every_request_is_counted_once_with_its_status() -> None:
    guarded = GuardedApplication(fails=True)
    guarded(b"x" * 101)
    guarded(headers=())
    with pytest.raises(RuntimeError):
        guarded(b"{}")
    text = guarded.metrics.render().decode()
    assert all(
        f'retention_requests_total{{route="none",status="{status}"}} 1.0' in text
        for status in (413, 401, 500)
    )
