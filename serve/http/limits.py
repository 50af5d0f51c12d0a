"""The limits of a replica, and the token bucket that enforces the request rate."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic


@dataclass(frozen=True)
class Limits:
    """Limits of one replica. `rate_per_s` applies to each key, and bounds a burst as well."""

    body_bytes: int = 262_144
    batch: int = 1000
    rate_per_s: int = 2000


class RateLimiter:
    """A token bucket per key. Only accepted keys get one, so their number is bounded."""

    def __init__(self, per_s: int, clock: Callable[[], float] = monotonic) -> None:
        self._per_s = per_s
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def allows(self, key_id: str) -> bool:
        """Takes a token of this key; False where none is left."""
        now = self._clock()
        tokens, updated = self._buckets.get(key_id, (float(self._per_s), now))
        tokens = min(float(self._per_s), tokens + (now - updated) * self._per_s)
        is_allowed = tokens >= 1.0
        self._buckets[key_id] = (tokens - 1.0 if is_allowed else tokens, now)
        return is_allowed
