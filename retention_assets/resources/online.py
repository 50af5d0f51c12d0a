"""The online store: a feature vector per customer in Redis, read by `serve/features/store.py`.

`serve/features/codec.py` defines the bytes of a vector; the serving stage decides which are stored.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING

from retention_assets.services.catalog import redis_url
from retention_assets.settings import Settings
from serve.features.codec import RedisKeys, Vector, decode, encode
from serve.model.card import fingerprint_of

if TYPE_CHECKING:
    import numpy as np
    from redis import Redis

_BATCH = 1000  # commands a pipeline: bounds memory on both sides
_CONNECT_S = 5.0
_CALL_S = 30.0
_DAY_S = 86_400

# Bytes 17 to 20 of a value are its as-of day. An older vector never replaces a newer one.
_SET_UNLESS_OLDER = """
local stored = redis.call('GETRANGE', KEYS[1], 16, 19)
local day = struct.unpack('<i4', string.sub(ARGV[1], 17, 20))
if #stored == 4 and struct.unpack('<i4', stored) > day then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1
"""
_REMOVE_UNLESS_NEWER = """
local stored = redis.call('GETRANGE', KEYS[1], 16, 19)
if #stored == 4 and struct.unpack('<i4', stored) > tonumber(ARGV[1]) then return 0 end
return redis.call('DEL', KEYS[1])
"""


@dataclass(frozen=True)
class Publication:
    """What `publish` did. `kept_newer`: customers whose stored vector is newer and stayed."""

    written: int
    kept_newer: int
    removed: int


class OnlineStore:
    """The vectors of one home in the Redis at one URL.

    A plain class, not a configurable resource: the URL may hold a password; Dagster shows config.
    """

    def __init__(self, url: str, home: str, ttl_days: int) -> None:
        self.keys = RedisKeys(home)
        self._url = url
        self._ttl_s = ttl_days * _DAY_S

    @classmethod
    def of(cls, settings: Settings) -> "OnlineStore":
        return cls(redis_url(settings), settings.shared_name, settings.feature_ttl_days)

    def publish(
        self,
        source: str,
        features: Sequence[str],
        as_of: date,
        ids: Sequence[str],
        matrix: "np.ndarray",
    ) -> Publication:
        """Makes the store hold exactly these customers as of this day; another source clears it."""
        fingerprint = fingerprint_of(features)
        with self._client() as redis:
            meta = self._meta(redis)
            removed = self._remove_all(redis) if meta and meta["source"] != source else 0
            pairs = (
                (self.keys.of(name), encode(fingerprint, as_of, row))
                for name, row in zip(ids, matrix, strict=True)
            )
            written = self._run_script(
                redis, _SET_UNLESS_OLDER, ((key, (blob, self._ttl_s)) for key, blob in pairs)
            )
            removed += self._remove_others(redis, set(ids), as_of)
            if written == len(ids):
                meta = {"source": source, "names": list(features), "fingerprint": fingerprint}
                redis.set(
                    self.keys.meta,
                    json.dumps(meta | {"as_of": as_of.isoformat(), "rows": len(ids)}),
                    ex=self._ttl_s,
                )
        return Publication(written, len(ids) - written, removed)

    def read(self, customer_ids: Sequence[str], features: Sequence[str]) -> list[Vector | None]:
        """The customers' stored vectors; None for a customer without one of these features."""
        fingerprint = fingerprint_of(features)
        with self._client() as redis:
            blobs: list = (
                redis.mget([self.keys.of(name) for name in customer_ids]) if customer_ids else []
            )
        return [decode(blob, fingerprint, len(features)) if blob else None for blob in blobs]

    def sample_ids(self, count: int) -> list[str]:
        """Up to `count` customers who have a vector."""
        with self._client() as redis:
            return [key.removeprefix(self.keys.prefix) for key in islice(self._keys(redis), count)]

    def size(self) -> int:
        """How many customers have a vector."""
        with self._client() as redis:
            return sum(1 for _ in self._keys(redis))

    def meta(self) -> dict | None:
        """The last complete publication: source, names, fingerprint, as_of, rows."""
        with self._client() as redis:
            return self._meta(redis)

    def _client(self) -> "Redis":
        from redis import Redis

        return Redis.from_url(self._url, socket_connect_timeout=_CONNECT_S, socket_timeout=_CALL_S)

    def _meta(self, redis: "Redis") -> dict | None:
        text = redis.get(self.keys.meta)
        return json.loads(text) if text else None

    def _run_script(self, redis: "Redis", script: str, calls: Iterable[tuple[str, tuple]]) -> int:
        """Runs the script for every (key, arguments), pipelined. Returns the sum of its results."""
        sha = redis.script_load(script)
        total = 0
        rest = iter(calls)
        while batch := list(islice(rest, _BATCH)):
            with redis.pipeline(transaction=False) as pipe:
                for key, arguments in batch:
                    pipe.evalsha(sha, 1, key, *arguments)
                total += sum(pipe.execute())
        return total

    def _keys(self, redis: "Redis") -> Iterator[str]:
        return (key.decode() for key in redis.scan_iter(match=f"{self.keys.prefix}*", count=_BATCH))

    def _remove_others(self, redis: "Redis", keep: set[str], as_of: date) -> int:
        gone = {key for key in self._keys(redis) if key.removeprefix(self.keys.prefix) not in keep}
        day = as_of.toordinal() - date(1970, 1, 1).toordinal()
        return self._run_script(redis, _REMOVE_UNLESS_NEWER, ((key, (day,)) for key in gone))

    def _remove_all(self, redis: "Redis") -> int:
        rest = self._keys(redis)
        removed = redis.delete(self.keys.meta)
        while batch := list(islice(rest, _BATCH)):
            removed += redis.unlink(*batch)
        return removed - 1
