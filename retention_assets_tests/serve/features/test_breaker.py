"""The circuit breaker with a fake clock."""

from serve.features.breaker import CircuitBreaker


def test_breaker_opens_after_failures_and_retries_later() -> None:
    now = [0.0]
    breaker = CircuitBreaker(failures=2, open_s=1.0, clock=lambda: now[0])
    breaker.record_failure()
    assert breaker.allows_calls
    breaker.record_failure()
    assert not breaker.allows_calls
    now[0] = 1.0
    assert breaker.allows_calls  # a single try
    breaker.record_failure()
    assert not breaker.allows_calls
    now[0] = 2.0
    breaker.record_success()
    assert breaker.allows_calls


def test_success_between_failures_keeps_breaker_closed() -> None:
    breaker = CircuitBreaker(failures=2, clock=lambda: 0.0)
    for _ in range(5):
        breaker.record_failure()
        breaker.record_success()
    assert breaker.allows_calls
