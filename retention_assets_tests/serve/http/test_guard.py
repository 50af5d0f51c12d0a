"""The guard, spoken to in raw ASGI: what it refuses costs nothing and reaches nobody, and what passes is whole."""

import asyncio
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send

from retention_assets_tests.serve.applications import KEY
from serve.http.guard import Guard
from serve.http.limits import Limits
from serve.http.security import Keys, key_digest
from serve.metrics import Metrics

LIMIT = 100
BEARER = (b"authorization", f"Bearer {KEY}".encode())


class Inner:
    """An application that keeps what it is given, and answers 200."""

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


class Asked:
    """One guard with its application, asked as often as wanted."""

    def __init__(self, rate_per_s: int = 1000, fails: bool = False) -> None:
        self.inner, self.metrics, self.received = Inner(fails), Metrics(), 0
        keys = Keys([key_digest(KEY), key_digest("another")])
        self._guard = Guard(
            self.inner, keys, Limits(body_bytes=LIMIT, rate_per_s=rate_per_s), self.metrics
        )

    def __call__(
        self,
        *chunks: bytes,
        headers: tuple = (BEARER,),
        path: str = "/predict",
        method: str = "POST",
    ) -> Message:
        """The start of the answer to a request whose body comes in these chunks."""
        scope = {"type": "http", "method": method, "path": path, "headers": list(headers)}
        left, sent = list(chunks), []

        async def receive() -> Message:
            self.received += 1
            return {
                "type": "http.request",
                "body": left.pop(0) if left else b"",
                "more_body": bool(left),
            }

        async def send(message: Message) -> None:
            sent.append(message)

        asyncio.run(self._guard(scope, receive, send))
        return sent[0]


@pytest.mark.parametrize(
    "key", [b"Bearer \xff\xfe", "Bearer schlüssel".encode(), b"Bearer " + b"x" * 10_000, b"\xe9"]
)
def test_a_key_of_any_bytes_is_refused_unread(key: bytes) -> None:
    asked = Asked()
    assert asked(b"{}", headers=((b"authorization", key),))["status"] == 401
    assert (asked.received, asked.inner.bodies) == (0, [])


@pytest.mark.parametrize(
    "declared", [b"101", b"9" * 5000, b"-1", b"+5", b"1e3", b"0x10", b"\xb2", b"", b"5, 5"]
)
def test_a_declared_length_that_is_too_large_or_no_number_is_refused_unread(
    declared: bytes,
) -> None:
    asked = Asked()
    assert asked(b"{}", headers=(BEARER, (b"content-length", declared)))["status"] == 413
    assert (asked.received, asked.inner.bodies) == (0, [])


@pytest.mark.parametrize(
    "headers",
    [(BEARER,), (BEARER, (b"content-length", b"5"))],
    ids=["undeclared", "declared smaller"],
)
def test_reading_stops_where_the_limit_is_passed(headers: tuple) -> None:
    asked = Asked()
    assert asked(*[b"x" * 40] * 1000, headers=headers)["status"] == 413
    assert (asked.received, asked.inner.bodies) == (3, [])


@example(chunks=[b"x" * 60, b"x" * 40])
@example(chunks=[b"x" * 60, b"x" * 41])
@given(chunks=st.lists(st.binary(max_size=60), min_size=1, max_size=6))
def test_a_body_passes_whole_as_one_message_or_not_at_all(chunks: list[bytes]) -> None:
    asked, body = Asked(), b"".join(chunks)
    assert asked(*chunks)["status"] == (200 if len(body) <= LIMIT else 413)
    assert asked.inner.bodies == ([body] if len(body) <= LIMIT else [])


def test_each_key_has_a_rate_of_its_own_and_strangers_use_up_none() -> None:
    asked, another = Asked(rate_per_s=1), (b"authorization", b"Bearer another")
    for _ in range(20):
        assert asked(headers=((b"authorization", b"Bearer wrong"),))["status"] == 401
    first, *others = (asked()["status"] for _ in range(10))
    assert first == 200 and 429 in others
    assert asked(headers=(another,))["status"] == 200
    assert {asked(headers=(), path="/health", method="GET")["status"] for _ in range(20)} == {200}


@pytest.mark.parametrize(
    "path", ["/health/", "//health", "/HEALTH", "/health/../model", "/health;x", "/metrics"]
)
def test_a_path_that_merely_looks_open_is_not(path: str) -> None:
    assert Asked()(headers=(), path=path, method="GET")["status"] == 401


def test_the_request_id_is_ours_and_nothing_that_a_caller_sends_is_in_the_headers() -> None:
    evil = b"evil\r\nSet-Cookie: a=b"
    started = [
        Asked()(headers=(*key, (b"x-request-id", evil)), path=f"/{evil.decode()}")
        for key in [(BEARER,), ()]
    ]
    answers: list[dict[bytes, Any]] = [dict(start["headers"]) for start in started]
    assert [start["status"] for start in started] == [200, 401]
    assert all(
        len(answer[b"x-request-id"]) == 32 and answer[b"cache-control"] == b"no-store"
        for answer in answers
    )
    assert answers[0][b"x-request-id"] != answers[1][b"x-request-id"] and b"evil" not in b"".join(
        answers[1].values()
    )


def test_every_request_is_counted_once_with_what_became_of_it() -> None:
    asked = Asked(fails=True)
    asked(b"x" * 101)
    asked(headers=())
    with pytest.raises(RuntimeError):
        asked(b"{}")
    text = asked.metrics.text().decode()
    assert all(
        f'retention_requests_total{{route="none",status="{status}"}} 1.0' in text
        for status in (413, 401, 500)
    )
