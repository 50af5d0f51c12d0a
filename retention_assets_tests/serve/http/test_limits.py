"""The token bucket lets the declared rate through, and no key uses up another's."""

from serve.http.limits import Rate


def test_a_key_has_its_rate_and_no_more() -> None:
    now = [0.0]
    rate = Rate(10, clock=lambda: now[0])
    assert sum(rate.allows("a") for _ in range(50)) == 10
    now[0] = 0.5
    assert sum(rate.allows("a") for _ in range(50)) == 5
    assert rate.allows("b")
    now[0] = 100.0
    assert sum(rate.allows("a") for _ in range(50)) == 10
