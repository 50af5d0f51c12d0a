"""A circuit breaker: a store that failed several times in a row is not called for a while."""

from collections.abc import Callable
from time import monotonic

FAILURES = 3
OPEN_S = 1.0


class CircuitBreaker:
    """Closed: calls are allowed. Open: they are not, for `open_s` seconds.

    After that calls are allowed again, and a single failure opens the breaker again.
    """

    def __init__(
        self,
        failures: int = FAILURES,
        open_s: float = OPEN_S,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._limit = failures
        self._open_s = open_s
        self._clock = clock
        self._failures = 0
        self._opened_at = 0.0

    @property
    def allows_calls(self) -> bool:
        return self._failures < self._limit or self._clock() - self._opened_at >= self._open_s

    def record_success(self) -> None:
        self._failures = 0

    def record_failure(self) -> None:
        self._failures += 1
        if self._failures >= self._limit:
            self._opened_at = self._clock()
