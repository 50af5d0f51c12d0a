"""The outermost ASGI layer: request id, key, rate, body size, metrics. What passes it is authenticated and bounded."""

from time import perf_counter
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve.http.limits import Limits, Rate
from serve.http.problems import ProblemError, problem
from serve.http.security import OPEN_PATHS, Keys
from serve.metrics import Metrics


class Guard:
    """Wraps an application; refuses before it is asked."""

    def __init__(self, inner: ASGIApp, keys: Keys, limits: Limits, metrics: Metrics) -> None:
        self._inner, self._keys, self._limits, self._metrics = inner, keys, limits, metrics
        self._rate = Rate(limits.rate_per_s)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        scope["request_id"] = uuid4().hex
        started, status = perf_counter(), 500

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = scope["request_id"]
                headers["Cache-Control"] = "no-store"
            await send(message)

        try:
            await self._admitted(scope, receive, observed)
        finally:
            self._metrics.request(scope, status, perf_counter() - started)

    async def _admitted(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._check_key(scope)
            bounded = await self._bounded(scope, receive)
        except ProblemError as refusal:
            await problem(refusal, scope["request_id"])(scope, receive, send)
            return
        await self._inner(scope, bounded, send)

    def _check_key(self, scope: Scope) -> None:
        if scope["path"] in OPEN_PATHS:
            return
        holder = self._keys.holder(Headers(scope=scope).get("authorization"))
        if holder is None:
            detail = "Send the header Authorization: Bearer KEY with a valid key."
            raise ProblemError(401, "unauthorized", detail, {"WWW-Authenticate": "Bearer"})
        if not self._rate.allows(holder):
            detail = f"This key may ask {self._limits.rate_per_s} times a second."
            raise ProblemError(429, "too-many-requests", detail, {"Retry-After": "1"})

    async def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        """The body, read within the limit, for the application to receive as one message."""
        limit = self._limits.body_bytes
        too_large = ProblemError(413, "body-too-large", f"A body may have {limit} bytes.")
        declared = Headers(scope=scope).get("content-length", "0")
        if not declared.isascii() or not declared.isdigit() or int(declared[:20]) > limit:
            raise too_large
        body, more = bytearray(), scope["method"] not in ("GET", "HEAD", "OPTIONS")
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                break
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > limit:
                raise too_large
        return _replay(bytes(body), receive)


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
