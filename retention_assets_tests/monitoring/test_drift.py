"""The drift report: its rate of false alarms, and the shifts that it reports."""

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

ALPHA = 0.01
MIN_EFFECT = 0.3


def sample(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    """Twenty features like the platform's: heavy tails, counts, flags and unknown values."""
    columns = {f"normal_{i}": rng.normal(size=n) for i in range(5)}
    columns |= {f"spend_{i}": rng.lognormal(3, 1, size=n) for i in range(5)}
    columns |= {f"count_{i}": rng.poisson(2, size=n).astype(float) for i in range(5)}
    columns |= {
        f"partly_{i}": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)) for i in range(3)
    }
    return columns | {f"flag_{i}": (rng.random(n) < 0.1).astype(float) for i in range(2)}


@pytest.mark.parametrize(("n", "reports"), [(100, 1000), (1000, 300), (10_000, 60)])
def test_false_alarm_rate_stays_below_alpha(n: int, reports: int) -> None:
    """Without a minimum effect, so that significance alone bounds the rate of false alarms."""
    rng = np.random.default_rng(n)
    alarms = sum(
        any(
            row.drifted
            for row in compare(sample(rng, n), sample(rng, n), alpha=ALPHA, min_effect=0.0)
        )
        for _ in range(reports)
    )
    three_sigma = 3 * np.sqrt(ALPHA * (1 - ALPHA) / reports)
    assert alarms / reports <= ALPHA + three_sigma


@pytest.mark.parametrize("n", [300, 1000, 10_000])
def test_shifted_features_are_reported(n: int) -> None:
    rng = np.random.default_rng(1)
    reference = sample(rng, n)
    current = sample(rng, n)
    current["normal_0"] = current["normal_0"] + 0.5
    current["spend_3"] = current["spend_3"] * 2
    drifted = {
        row.feature
        for row in compare(reference, current, alpha=ALPHA, min_effect=MIN_EFFECT)
        if row.drifted
    }
    assert drifted == {"normal_0", "spend_3"}


def test_small_significant_shift_is_not_drift() -> None:
    rng = np.random.default_rng(2)
    reference = {"x": rng.normal(size=200_000)}
    (row,) = compare(
        reference, {"x": rng.normal(size=200_000) + 0.05}, alpha=ALPHA, min_effect=MIN_EFFECT
    )
    assert row.p_value < ALPHA
    assert not row.drifted


def test_values_that_become_unknown_count_as_drift() -> None:
    rng = np.random.default_rng(3)
    known = rng.normal(size=2000)
    (row,) = compare(
        {"x": known},
        {"x": np.where(rng.random(2000) < 0.3, np.nan, known)},
        alpha=ALPHA,
        min_effect=MIN_EFFECT,
    )
    assert row.drifted
    assert row.unknown_current == pytest.approx(0.3, abs=0.05)


def test_constant_drifts_only_when_its_value_changes() -> None:
    ones = np.ones(500)
    twos = np.full(500, 2.0)
    assert not compare({"x": ones}, {"x": ones}, alpha=ALPHA, min_effect=MIN_EFFECT)[0].drifted
    assert compare({"x": ones}, {"x": twos}, alpha=ALPHA, min_effect=MIN_EFFECT)[0].drifted


def test_missing_features_and_empty_samples_are_left_out() -> None:
    values = np.arange(10.0)
    assert [
        row.feature
        for row in compare(
            {"a": values, "b": values},
            {"b": values, "c": values},
            alpha=ALPHA,
            min_effect=MIN_EFFECT,
        )
    ] == ["b"]
    assert compare({"a": np.array([])}, {"a": values}, alpha=ALPHA, min_effect=MIN_EFFECT) == []


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),
        ([0.5, 0.9], [1.0, 1.0]),
        ([0.02], [0.02]),
        ([], []),
    ],
)
def test_holm_adjusts_p_values(p_values: list[float], adjusted: list[float]) -> None:
    assert holm(np.array(p_values)) == pytest.approx(adjusted)


def test_statistic_and_p_value_match_known_values() -> None:
    assert ks_statistic(np.array([1.0, 2, 3, 4]), np.array([3.0, 4, 5, 6])) == 0.5
    assert ks_p_value(ks_critical(0.05, 5000, 5000), 5000, 5000) == pytest.approx(0.05, rel=0.05)
    assert wasserstein(np.array([0.0, 1, 3]), np.array([5.0, 6, 8])) == pytest.approx(5.0)


@settings(max_examples=50, deadline=None)
@given(
    arrays(float, 30, elements=st.floats(-1e6, 1e6)),
    arrays(float, 40, elements=st.floats(-1e6, 1e6)),
)
def test_order_of_rows_and_samples_does_not_matter(left: np.ndarray, right: np.ndarray) -> None:
    assert ks_statistic(left, right) == ks_statistic(right[::-1], left[::-1])
    assert wasserstein(left, right) == pytest.approx(wasserstein(right[::-1], left[::-1]))
    assert ks_statistic(left, left) == 0
