"""The online store: a feature vector per customer in Redis, read by `serve/features/store.py`.

`serve/features/codec.py` defines the keys and the bytes; the serving stage decides which vectors
are stored. A set of vectors is replaced as a whole: readers never see a part of a new one. The
stream replaces single vectors of the current set by newer ones.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from operator import methodcaller
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from retention_assets.errors import PublicationError
from retention_assets.services.catalog import redis_url
from retention_assets.settings import Settings
from serve.features.codec import DESCRIPTION, RedisKeys, Vector, decode, encode
from serve.model.card import fingerprint_of

if TYPE_CHECKING:
    import numpy as np
    from redis import Redis
    from redis.client import Pipeline

_BATCH = 1000  # vectors a transaction: bounds memory on both sides
_CONNECT_S = 5.0
_CALL_S = 30.0
_DAY_S = 86_400

# A vector has its as-of day in the bytes 17 to 20 (serve/features/codec.py).
_UPDATE = """
local text = redis.call('HGET', KEYS[1], '')
if not text or cjson.decode(text)['publication'] ~= ARGV[1] then return -1 end
local written = 0
for place = 2, #ARGV, 2 do
  local stored = redis.call('HGET', KEYS[1], ARGV[place])
  local new = ARGV[place + 1]
  if not stored or struct.unpack('<i4', stored, 17) <= struct.unpack('<i4', new, 17) then
    redis.call('HSET', KEYS[1], ARGV[place], new)
    written = written + 1
  end
end
return written
"""


@dataclass(frozen=True)
class Publication:
    """What `publish` did.

    `written`: vectors that are online now. `replaced`: vectors of the publication before it.
    `kept_newer`: the as-of day of a newer publication, which stayed; then nothing was written.
    """

    written: int
    replaced: int
    kept_newer: date | None = None


@dataclass(frozen=True)
class PublishedRows:
    """Vectors of one publication, None for a customer without one, and what describes it: its id,
    source, names, fingerprint, as_of, rows. It is `age_s` old and is dropped in `expires_in_s`.
    """

    description: dict[str, Any]
    vectors: list[Vector | None]
    age_s: int
    expires_in_s: int


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
        *,
        ids: Sequence[str],
        states: Sequence[str],
        segments: Sequence[str | None],
        matrix: "np.ndarray",
    ) -> Publication:
        """Makes the store hold exactly these customers as of this day, in one step.

        `states` and `segments` (None: unknown) have those of each id, `matrix` a row per id and a
        column per feature. An older day of the same source changes nothing. Of two publications at
        a time, the one that started last continues and the other raises PublicationError; one that
        died is taken over in the same way.
        """
        fingerprint = fingerprint_of(features)
        metadata = {
            "publication": uuid4().hex,
            "source": source,
            "names": list(features),
            "fingerprint": fingerprint,
            "as_of": as_of.isoformat(),
            "rows": len(ids),
        }
        description = json.dumps(metadata).encode()
        vectors = (
            (name, encode(fingerprint, as_of, row, state=state, segment=segment))
            for name, state, segment, row in zip(ids, states, segments, matrix, strict=True)
        )
        with self._client() as redis:
            if newer := self._start_draft(redis, description):
                return Publication(written=0, replaced=0, kept_newer=newer)
            while batch := dict(islice(vectors, _BATCH)):
                add = methodcaller("hset", self.keys.draft, mapping=batch)
                self._change_draft(redis, description, add)
            fields, *_ = self._change_draft(redis, description, self._make_current)
        return Publication(written=len(ids), replaced=max(0, fields - 1))

    def update(
        self,
        publication: Mapping[str, Any],
        as_of: date,
        *,
        ids: Sequence[str],
        states: Sequence[str],
        segments: Sequence[str | None],
        matrix: "np.ndarray",
    ) -> int | None:
        """Writes single vectors into a publication, and returns how many were written. None:
        another publication has taken its place, and nothing was written.

        `publication`: what `meta` returned; `matrix` has a column per feature of it. A vector that
        is as of a later day stays. Each call to Redis checks and writes up to 1,000 vectors in one
        step.
        """
        fingerprint = publication["fingerprint"]
        vectors = (
            (name, encode(fingerprint, as_of, row, state=state, segment=segment))
            for name, state, segment, row in zip(ids, states, segments, matrix, strict=True)
        )
        written = 0
        with self._client() as redis:
            update = redis.register_script(_UPDATE)
            while batch := list(islice(vectors, _BATCH)):
                fields = [part for pair in batch for part in pair]
                count = update([self.keys.current], [publication["publication"], *fields])
                if count < 0:
                    return None
                written += count
        return written

    def read(self, customer_ids: Sequence[str], features: Sequence[str]) -> list[Vector | None]:
        """The customers' stored vectors; None for a customer without one of these features."""
        if not customer_ids:
            return []
        fingerprint = fingerprint_of(features)
        with self._client() as redis:
            blobs: list = redis.hmget(self.keys.current, list(customer_ids))
        return [decode(blob, fingerprint, len(features)) if blob else None for blob in blobs]

    def fetch(self, customer_ids: Sequence[str]) -> PublishedRows | None:
        """The customers' vectors with whatever features are published, in one round trip. None if
        nothing is.
        """
        with self._client() as redis, redis.pipeline() as pipe:
            pipe.hmget(self.keys.current, [DESCRIPTION, *customer_ids])
            pipe.ttl(self.keys.current)
            (text, *blobs), seconds_left = pipe.execute()
        if text is None:
            return None
        description = json.loads(text)
        shape = (description["fingerprint"], len(description["names"]))
        return PublishedRows(
            description=description,
            vectors=[decode(blob, *shape) if blob else None for blob in blobs],
            age_s=self._ttl_s - seconds_left,
            expires_in_s=seconds_left,
        )

    def sample_ids(self, count: int) -> list[str]:
        """Up to `count` customers who have a vector."""
        with self._client() as redis:
            return list(islice(self._ids(redis, count), count))

    def size(self) -> int:
        """How many customers have a vector."""
        with self._client() as redis:
            fields = redis.hlen(self.keys.current)
        return max(0, fields - 1)

    def meta(self) -> dict | None:
        """The current publication: its id, source, names, fingerprint, as_of, rows."""
        with self._client() as redis:
            text = redis.hget(self.keys.current, DESCRIPTION)
        return json.loads(text) if text else None

    def _client(self) -> "Redis":
        from redis import Redis

        return Redis.from_url(self._url, socket_connect_timeout=_CONNECT_S, socket_timeout=_CALL_S)

    def _start_draft(self, redis: "Redis", description: bytes) -> date | None:
        """Starts an empty draft instead of any other. None: started; else a newer day is online."""
        metadata = json.loads(description)

        def start(pipe: "Pipeline") -> Any:
            text: Any = pipe.hget(self.keys.current, DESCRIPTION)
            current = json.loads(text) if text else metadata
            pipe.multi()
            if current["source"] == metadata["source"] and current["as_of"] > metadata["as_of"]:
                return date.fromisoformat(current["as_of"])
            pipe.unlink(self.keys.draft)
            pipe.hset(self.keys.draft, DESCRIPTION, description)
            pipe.expire(self.keys.draft, _DAY_S)
            return None

        newer: Any = redis.transaction(start, self.keys.current, value_from_callable=True)
        return newer

    def _change_draft(
        self, redis: "Redis", description: bytes, change: Callable[["Pipeline"], object]
    ) -> list:
        """Runs the commands that `change` queues, all or none, and returns their results.

        Raises PublicationError where another publication has taken the draft over.
        """

        def attempt(pipe: "Pipeline") -> None:
            if pipe.hget(self.keys.draft, DESCRIPTION) != description:
                raise PublicationError(
                    f"Another publication to {self.keys.current} started before this one ended.",
                    "Wait for the other one. If it fails, materialize serving/online_features"
                    " again.",
                )
            pipe.multi()
            change(pipe)

        results: Any = redis.transaction(attempt, self.keys.draft)
        return results

    def _make_current(self, pipe: "Pipeline") -> None:
        pipe.hlen(self.keys.current)
        pipe.unlink(self.keys.current)  # In the background; renaming alone frees it at once.
        pipe.rename(self.keys.draft, self.keys.current)
        pipe.expire(self.keys.current, self._ttl_s)

    def _ids(self, redis: "Redis", count: int) -> Iterator[str]:
        for field, _ in redis.hscan_iter(self.keys.current, count=count):
            if field.decode() != DESCRIPTION:
                yield field.decode()
