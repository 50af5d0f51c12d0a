"""Reads feature vectors from Redis with one round trip and a deadline, otherwise from the snapshot.

Nothing is cached: a vector is used by the first answer after it was published.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from serve.errors import UnavailableError
from serve.features.breaker import CircuitBreaker
from serve.features.codec import RedisKeys, Vector, decode
from serve.features.snapshot import Snapshot, newest_snapshot, open_snapshot, snapshot_identity

_REDIS_ERRORS = (RedisError, OSError, TimeoutError)


@dataclass(frozen=True)
class FetchedVectors:
    """The vectors in the order of the request, None for unknown customers.

    `degraded`: some of them did not come from Redis.
    """

    vectors: list[Vector | None]
    degraded: bool


class FeatureStore:
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
        blobs = await self._read([self._keys.of(name) for name in customer_ids])
        if blobs is None:
            return await self._from_snapshot(customer_ids, fingerprint)
        vectors = [
            decode(blob, fingerprint, features) if blob is not None else None for blob in blobs
        ]
        if all(vector is not None for vector in vectors):
            return FetchedVectors(vectors, degraded=False)
        has_other_features = any(
            blob is not None and vector is None for blob, vector in zip(blobs, vectors, strict=True)
        )
        if not has_other_features and await self._is_published():
            return FetchedVectors(vectors, degraded=False)
        return await self._complete(customer_ids, vectors, fingerprint)

    async def is_reachable(self) -> bool:
        """Whether Redis answers now. The circuit breaker applies as for any read."""
        return await self._read([self._keys.meta]) is not None

    async def has_snapshot(self, fingerprint: str) -> bool:
        return await asyncio.to_thread(self._latest_snapshot, fingerprint) is not None

    async def close(self) -> None:
        await self._redis.aclose()

    async def _read(self, keys: list[str]) -> list[bytes | None] | None:
        """One MGET within the deadline; None where Redis does not answer."""
        if not self._breaker.allows_calls:
            return None
        try:
            async with asyncio.timeout(self._timeout_s):
                blobs: list = await self._redis.mget(keys)
        except _REDIS_ERRORS:
            self._breaker.record_failure()
            return None
        self._breaker.record_success()
        return blobs

    async def _complete(
        self, customer_ids: list[str], vectors: list[Vector | None], fingerprint: str
    ) -> FetchedVectors:
        """Takes vectors that Redis lacks, or has of other features, from the snapshot."""
        missing = [position for position, vector in enumerate(vectors) if vector is None]
        missing_ids = [customer_ids[position] for position in missing]
        stored = await self._from_snapshot(missing_ids, fingerprint)
        completed = list(vectors)
        for position, vector in zip(missing, stored.vectors, strict=True):
            completed[position] = vector
        return FetchedVectors(completed, degraded=True)

    async def _is_published(self) -> bool:
        """Whether this Redis was ever filled. An empty one does not make a customer unknown."""
        meta = await self._read([self._keys.meta])
        return meta is not None and meta[0] is not None

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
