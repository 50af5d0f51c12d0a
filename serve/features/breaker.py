"""A circuit breaker: a store that failed several times in a row is left alone for a while, so that answers stay fast."""

from collections.abc import Callable
from time import monotonic

FAILURES = 3
OPEN_S = 1.0


class Breaker:
    """Closed: calls go through. Open: they do not, until `open_s` have passed; then one failure opens it again."""

    def __init__(
        self,
        failures: int = FAILURES,
        open_s: float = OPEN_S,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._limit, self._open_s, self._clock = failures, open_s, clock
        self._failures = 0
        self._opened_at = 0.0

    @property
    def allows(self) -> bool:
        return self._failures < self._limit or self._clock() - self._opened_at >= self._open_s

    def succeeded(self) -> None:
        self._failures = 0

    def failed(self) -> None:
        self._failures += 1
        if self._failures >= self._limit:
            self._opened_at = self._clock()
