"""The drift report keeps its promised false-alarm rate at every size, and sees what it should see."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from retention_assets.monitoring.drift import (
    compare,
    holm,
    ks_critical,
    ks_p_value,
    ks_statistic,
    wasserstein,
)

ALPHA, FLOOR, FEATURES = 0.01, 0.3, 20


def sample(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    """Twenty features of the kinds that the platform has: heavy tails, counts, flags, and unknown values."""
    columns = {f"normal_{i}": rng.normal(size=n) for i in range(5)}
    columns |= {f"spend_{i}": rng.lognormal(3, 1, size=n) for i in range(5)}
    columns |= {f"count_{i}": rng.poisson(2, size=n).astype(float) for i in range(5)}
    columns |= {
        f"partly_{i}": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)) for i in range(3)
    }
    return columns | {f"flag_{i}": (rng.random(n) < 0.1).astype(float) for i in range(2)}


@pytest.mark.parametrize(("n", "reports"), [(100, 1000), (1000, 300), (10_000, 60)])
def test_no_drift_no_alarm_at_any_size(n: int, reports: int) -> None:
    """The test alone keeps the rate, without help from the effect floor; with it the rate can only be lower."""
    rng = np.random.default_rng(n)
    alarms = sum(
        any(row.drifted for row in compare(sample(rng, n), sample(rng, n), ALPHA, 0.0))
        for _ in range(reports)
    )
    three_sigma = 3 * np.sqrt(ALPHA * (1 - ALPHA) / reports)
    assert alarms / reports <= ALPHA + three_sigma


@pytest.mark.parametrize("n", [300, 1000, 10_000])
def test_a_shift_of_half_a_spread_is_seen_and_named(n: int) -> None:
    rng = np.random.default_rng(1)
    reference, current = sample(rng, n), sample(rng, n)
    current["normal_0"] = current["normal_0"] + 0.5
    current["spend_3"] = current["spend_3"] * 2
    drifted = {row.feature for row in compare(reference, current, ALPHA, FLOOR) if row.drifted}
    assert drifted == {"normal_0", "spend_3"}


def test_a_tiny_shift_in_a_big_table_is_certain_but_no_alarm() -> None:
    rng = np.random.default_rng(2)
    reference = {"x": rng.normal(size=200_000)}
    (row,) = compare(reference, {"x": rng.normal(size=200_000) + 0.05}, ALPHA, FLOOR)
    assert row.p_value < ALPHA
    assert not row.drifted


def test_values_that_become_unknown_are_drift() -> None:
    rng = np.random.default_rng(3)
    known = rng.normal(size=2000)
    (row,) = compare(
        {"x": known}, {"x": np.where(rng.random(2000) < 0.3, np.nan, known)}, ALPHA, FLOOR
    )
    assert row.drifted
    assert row.unknown_current == pytest.approx(0.3, abs=0.05)


def test_a_constant_that_stays_is_no_drift_and_one_that_moves_is() -> None:
    ones, twos = np.ones(500), np.full(500, 2.0)
    assert not compare({"x": ones}, {"x": ones}, ALPHA, FLOOR)[0].drifted
    assert compare({"x": ones}, {"x": twos}, ALPHA, FLOOR)[0].drifted


def test_features_of_one_side_only_and_empty_samples_are_left_out() -> None:
    values = np.arange(10.0)
    assert [
        row.feature
        for row in compare({"a": values, "b": values}, {"b": values, "c": values}, ALPHA, FLOOR)
    ] == ["b"]
    assert compare({"a": np.array([])}, {"a": values}, ALPHA, FLOOR) == []


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),
        ([0.5, 0.9], [1.0, 1.0]),
        ([0.02], [0.02]),
        ([], []),
    ],
)
def test_holm(p_values: list[float], adjusted: list[float]) -> None:
    assert holm(np.array(p_values)) == pytest.approx(adjusted)


def test_statistic_and_p_value_agree_with_known_figures() -> None:
    assert ks_statistic(np.array([1.0, 2, 3, 4]), np.array([3.0, 4, 5, 6])) == 0.5
    assert ks_p_value(ks_critical(0.05, 5000, 5000), 5000, 5000) == pytest.approx(0.05, rel=0.05)
    assert wasserstein(np.array([0.0, 1, 3]), np.array([5.0, 6, 8])) == pytest.approx(5.0)


@settings(max_examples=50, deadline=None)
@given(
    arrays(float, 30, elements=st.floats(-1e6, 1e6)),
    arrays(float, 40, elements=st.floats(-1e6, 1e6)),
)
def test_order_of_rows_and_of_samples_does_not_matter(left: np.ndarray, right: np.ndarray) -> None:
    assert ks_statistic(left, right) == ks_statistic(right[::-1], left[::-1])
    assert wasserstein(left, right) == pytest.approx(wasserstein(right[::-1], left[::-1]))
    assert ks_statistic(left, left) == 0
