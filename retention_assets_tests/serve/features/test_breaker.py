"""The circuit breaker, on a clock of the test's own."""

from serve.features.breaker import Breaker


def test_it_opens_after_failures_in_a_row_and_tries_again_later() -> None:
    now = [0.0]
    breaker = Breaker(failures=2, open_s=1.0, clock=lambda: now[0])
    breaker.failed()
    assert breaker.allows
    breaker.failed()
    assert not breaker.allows
    now[0] = 1.0
    assert breaker.allows  # one try
    breaker.failed()
    assert not breaker.allows
    now[0] = 2.0
    breaker.succeeded()
    assert breaker.allows


def test_a_success_between_failures_keeps_it_closed() -> None:
    breaker = Breaker(failures=2, clock=lambda: 0.0)
    for _ in range(5):
        breaker.failed()
        breaker.succeeded()
    assert breaker.allows
