"""Reads feature vectors: one round trip to Redis within a deadline, else the last snapshot, else a clear refusal.

Nothing is cached, so a published vector is in the next answer.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from serve.errors import UnavailableError
from serve.features.breaker import Breaker
from serve.features.codec import META_KEY, Vector, decode, key_of
from serve.features.snapshot import Snapshot, identity_of, newest, open_snapshot

_AWAY = (RedisError, OSError, TimeoutError)


@dataclass(frozen=True)
class Found:
    """The vectors asked for, in order, None for unknown customers. `degraded`: some did not come from the online store."""

    vectors: list[Vector | None]
    degraded: bool


class FeatureStore:
    """Vectors of one set of features, from Redis at `redis_url` and from snapshots under `snapshots`."""

    def __init__(
        self,
        redis_url: str,
        timeout_s: float,
        snapshots: Path | None,
        breaker: Breaker | None = None,
    ) -> None:
        # No retry inside the client: the snapshot is the better second try.
        self._redis = Redis.from_url(
            redis_url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=None
        )
        self._timeout_s = timeout_s
        self._root = snapshots
        self._breaker = breaker or Breaker()
        self._snapshot: Snapshot | None = None

    async def fetch(self, customer_ids: list[str], fingerprint: str, features: int) -> Found:
        """The customers' vectors. UnavailableError when neither Redis nor a snapshot can tell."""
        blobs = await self._read([key_of(customer_id) for customer_id in customer_ids])
        if blobs is None:
            return await self._from_snapshot(customer_ids, fingerprint)
        vectors = [
            decode(blob, fingerprint, features) if blob is not None else None for blob in blobs
        ]
        if all(vector is not None for vector in vectors):
            return Found(vectors, degraded=False)
        return await self._complete(customer_ids, vectors, blobs, fingerprint)

    async def reachable(self) -> bool:
        """Whether Redis answers now. Goes through the breaker like any read."""
        return await self._read([META_KEY]) is not None

    async def has_snapshot(self, fingerprint: str) -> bool:
        return await asyncio.to_thread(self._latest, fingerprint) is not None

    async def close(self) -> None:
        await self._redis.aclose()

    async def _read(self, keys: list[str]) -> list[bytes | None] | None:
        """One MGET within the deadline. None: the store is away."""
        if not self._breaker.allows:
            return None
        try:
            async with asyncio.timeout(self._timeout_s):
                blobs: list = await self._redis.mget(keys)
        except _AWAY:
            self._breaker.failed()
            return None
        self._breaker.succeeded()
        return blobs

    async def _complete(
        self, customer_ids: list[str], vectors: list, blobs: list, fingerprint: str
    ) -> Found:
        """Fills what Redis did not have, or had of other features. Absent from a store that was filled means unknown."""
        missing = [at for at, vector in enumerate(vectors) if vector is None]
        other_features = any(blobs[at] is not None for at in missing)
        if not other_features and await self._published():
            return Found(vectors, degraded=False)
        found = await self._from_snapshot([customer_ids[at] for at in missing], fingerprint)
        for at, vector in zip(missing, found.vectors, strict=True):
            vectors[at] = vector
        return Found(vectors, degraded=True)

    async def _published(self) -> bool:
        """Whether anything was ever published to this Redis: an empty one must not turn every customer into a stranger."""
        meta = await self._read([META_KEY])
        return meta is not None and meta[0] is not None

    async def _from_snapshot(self, customer_ids: list[str], fingerprint: str) -> Found:
        snapshot = await asyncio.to_thread(self._latest, fingerprint)
        if snapshot is None:
            raise UnavailableError("The feature store does not answer and there is no snapshot.")
        return Found(snapshot.find(customer_ids), degraded=True)

    def _latest(self, fingerprint: str) -> Snapshot | None:
        """The last snapshot of these features. It may have been replaced or pruned between two calls."""
        try:
            folder = newest(self._root, fingerprint) if self._root else None
            if folder is None:
                return None
            held = self._snapshot
            if held is None or held.identity != identity_of(folder):
                held = self._snapshot = open_snapshot(folder)
        except (OSError, ValueError):
            return None
        return held
