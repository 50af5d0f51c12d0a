"""The outermost ASGI layer: request id, key, rate, body size and metrics.

Every request that reaches the application is authenticated and bounded.
"""

from time import perf_counter
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve.http.limits import Limits, RateLimiter
from serve.http.problems import ProblemError, problem_response
from serve.http.security import OPEN_PATHS, AcceptedKeys
from serve.metrics import Metrics


class Guard:
    """Wraps an application. Rejected requests never reach it."""

    def __init__(
        self, inner: ASGIApp, *, keys: AcceptedKeys, limits: Limits, metrics: Metrics
    ) -> None:
        self._inner = inner
        self._keys = keys
        self._limits = limits
        self._metrics = metrics
        self._rate = RateLimiter(limits.rate_per_s)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        scope["request_id"] = uuid4().hex
        started = perf_counter()
        status = 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = scope["request_id"]
                headers["Cache-Control"] = "no-store"
            await send(message)

        try:
            await self._check_and_forward(scope, receive, send_with_headers)
        finally:
            self._metrics.record_request(scope, status, perf_counter() - started)

    async def _check_and_forward(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._check_key(scope)
            receive_body = await self._read_body(scope, receive)
        except ProblemError as error:
            await problem_response(error, scope["request_id"])(scope, receive, send)
            return
        await self._inner(scope, receive_body, send)

    def _check_key(self, scope: Scope) -> None:
        if scope["path"] in OPEN_PATHS:
            return
        key_id = self._keys.key_id(Headers(scope=scope).get("authorization"))
        if key_id is None:
            detail = "Send the header Authorization: Bearer KEY with a valid key."
            raise ProblemError(401, "unauthorized", detail, headers={"WWW-Authenticate": "Bearer"})
        if not self._rate.allows(key_id):
            detail = f"A key may send {self._limits.rate_per_s} requests per second."
            raise ProblemError(429, "too-many-requests", detail, headers={"Retry-After": "1"})

    async def _read_body(self, scope: Scope, receive: Receive) -> Receive:
        """Reads the body up to the limit; the application receives it as one message."""
        limit = self._limits.body_bytes
        too_large = ProblemError(413, "body-too-large", f"A body may have at most {limit} bytes.")
        declared = Headers(scope=scope).get("content-length", "0")
        if not declared.isascii() or not declared.isdigit() or int(declared[:20]) > limit:
            raise too_large
        body = bytearray()
        more_body = scope["method"] not in ("GET", "HEAD", "OPTIONS")
        while more_body:
            message = await receive()
            if message["type"] == "http.disconnect":
                break
            body += message.get("body", b"")
            more_body = message.get("more_body", False)
            if len(body) > limit:
                raise too_large
        return _replay(bytes(body), receive)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Receives the whole body first, then whatever the server sends."""
    is_replayed = False

    async def receive_body() -> Message:
        nonlocal is_replayed
        if is_replayed:
            return await receive()
        is_replayed = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_body
