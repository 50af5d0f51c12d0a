"""Limits of the service, and the token bucket that enforces the rate."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic


@dataclass(frozen=True)
class Limits:
    """Bounds of one replica. `rate_per_s` holds per key; the burst is one second's worth."""

    body_bytes: int = 262_144
    batch: int = 1000
    rate_per_s: int = 2000


class Rate:
    """Token buckets, one per holder of a key: there are as many as there are keys, so they cannot grow."""

    def __init__(self, per_s: int, clock: Callable[[], float] = monotonic) -> None:
        self._per_s, self._clock = per_s, clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def allows(self, holder: str) -> bool:
        now = self._clock()
        tokens, then = self._buckets.get(holder, (float(self._per_s), now))
        tokens = min(float(self._per_s), tokens + (now - then) * self._per_s)
        allowed = tokens >= 1.0
        self._buckets[holder] = (tokens - 1.0 if allowed else tokens, now)
        return allowed
