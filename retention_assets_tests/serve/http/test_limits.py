"""The rate limiter allows the configured rate to each key separately."""

from serve.http.limits import RateLimiter


def test_key_gets_the_configured_rate() -> None:
    now = [0.0]
    rate = RateLimiter(10, clock=lambda: now[0])
    assert sum(rate.allows("a") for _ in range(50)) == 10
    now[0] = 0.5
    assert sum(rate.allows("a") for _ in range(50)) == 5
    assert rate.allows("b")
    now[0] = 100.0
    assert sum(rate.allows("a") for _ in range(50)) == 10
