"""Reads feature vectors from Redis with one round trip and a deadline, otherwise from the snapshot.

Nothing is cached: a vector is used by the first answer after it was published. The vectors of a
request come from one publication.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from serve.errors import UnavailableError
from serve.features.breaker import CircuitBreaker
from serve.features.codec import DESCRIPTION, RedisKeys, Vector, decode
from serve.features.snapshot import Snapshot, newest_snapshot, open_snapshot, snapshot_identity

_REDIS_ERRORS = (RedisError, OSError, TimeoutError)


@dataclass(frozen=True)
class FetchedVectors:
    """The vectors in the order of the request, None for unknown customers.

    `degraded`: they come from a snapshot, not from Redis.
    """

    vectors: list[Vector | None]
    degraded: bool


class VectorReader:
    """Vectors of the home from Redis at `redis_url`, or from the snapshots in a folder."""

    def __init__(
        self,
        redis_url: str,
        home: str,
        *,
        timeout_s: float,
        snapshots: Path | None,
        breaker: CircuitBreaker | None = None,
    ) -> None:
        # No retry inside the client: the snapshot is the better second try.
        self._redis = Redis.from_url(
            redis_url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=None
        )
        self._keys = RedisKeys(home)
        self._timeout_s = timeout_s
        self._snapshots = snapshots
        self._breaker = breaker or CircuitBreaker()
        self._snapshot: Snapshot | None = None

    async def fetch(
        self, customer_ids: list[str], fingerprint: str, features: int
    ) -> FetchedVectors:
        """The customers' vectors. Raises UnavailableError without Redis and without a snapshot."""
        values = await self._read([DESCRIPTION, *customer_ids])
        if values is None:
            return await self._from_snapshot(customer_ids, fingerprint)
        description, *blobs = values
        vectors = [
            decode(blob, fingerprint, features) if blob is not None else None for blob in blobs
        ]
        has_other_features = any(
            blob is not None and vector is None for blob, vector in zip(blobs, vectors, strict=True)
        )
        # A Redis that was never filled, or that lost its data, does not make a customer unknown.
        if description is None or has_other_features:
            return await self._from_snapshot(customer_ids, fingerprint)
        return FetchedVectors(vectors, degraded=False)

    async def is_reachable(self) -> bool:
        """Whether Redis answers now. The circuit breaker applies as for any read."""
        return await self._read([DESCRIPTION]) is not None

    async def has_snapshot(self, fingerprint: str) -> bool:
        return await asyncio.to_thread(self._latest_snapshot, fingerprint) is not None

    async def close(self) -> None:
        await self._redis.aclose()

    async def _read(self, fields: list[str]) -> list[bytes | None] | None:
        """Fields of the current publication: one HMGET within the deadline.

        None where Redis does not answer.
        """
        if not self._breaker.allows_calls:
            return None
        try:
            async with asyncio.timeout(self._timeout_s):
                values: list = await self._redis.hmget(self._keys.current, fields)
        except _REDIS_ERRORS:
            self._breaker.record_failure()
            return None
        self._breaker.record_success()
        return values

    async def _from_snapshot(self, customer_ids: list[str], fingerprint: str) -> FetchedVectors:
        snapshot = await asyncio.to_thread(self._latest_snapshot, fingerprint)
        if snapshot is None:
            raise UnavailableError("The feature store does not answer and there is no snapshot.")
        return FetchedVectors(snapshot.find(customer_ids), degraded=True)

    def _latest_snapshot(self, fingerprint: str) -> Snapshot | None:
        """The last snapshot of these features; it may be replaced or deleted between two calls."""
        try:
            folder = newest_snapshot(self._snapshots, fingerprint) if self._snapshots else None
            if folder is None:
                return None
            snapshot = self._snapshot
            if snapshot is None or snapshot.identity != snapshot_identity(folder):
                snapshot = open_snapshot(folder)
                self._snapshot = snapshot
        except (OSError, ValueError):
            return None
        return snapshot
