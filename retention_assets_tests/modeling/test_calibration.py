"""Calibrated scores match observed rates at any scale of the raw score."""

import numpy as np
import pytest

from retention_assets.modeling.calibration import cross_calibrated, fit_platt, rate_half_width


@pytest.mark.parametrize("overconfidence", [0.5, 1.0, 2.0, 4.0])
def test_calibration_restores_observed_rates(
    overconfidence: float,
) -> None:
    rng = np.random.default_rng(2)
    z = rng.normal(-1, 1, 20_000)
    y = (rng.random(20_000) < 1 / (1 + np.exp(-z))).astype(np.int8)
    raw = 1 / (1 + np.exp(-(overconfidence * z + 1)))
    platt = fit_platt(raw[:10_000], y[:10_000])
    assert (platt.a, platt.b) == pytest.approx((1 / overconfidence, -1 / overconfidence), abs=0.1)
    p = platt.apply(raw[10_000:])
    for low, high in [(0.0, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 1.0)]:
        rows = (p >= low) & (p < high)
        assert p[rows].mean() == pytest.approx(y[10_000:][rows].mean(), abs=0.04)


def test_scores_that_hardly_differ_are_calibrated_too() -> None:
    """As those of a model with a heavy penalty: the ranking is right, the spread a millionth."""
    rng = np.random.default_rng(2)
    z = rng.normal(-1, 1, 20_000)
    y = (rng.random(20_000) < 1 / (1 + np.exp(-z))).astype(np.int8)
    p = fit_platt(1 / (1 + np.exp(-(1e-6 * z - 1))), y).apply(1 / (1 + np.exp(-(1e-6 * z - 1))))
    np.testing.assert_allclose(p, 1 / (1 + np.exp(-z)), atol=0.03)


def test_reversed_ranking_gives_constant_probability() -> None:
    y = np.tile(np.array([0, 1], dtype=np.int8), 100)
    platt = fit_platt(np.where(y > 0, 0.2, 0.8), y)
    assert platt.a == 0.0 and platt.apply(np.array([0.1, 0.9])) == pytest.approx([0.5, 0.5])


def test_perfect_separation_stays_finite() -> None:
    y = np.repeat(np.array([0, 1], dtype=np.int8), 50)
    p = fit_platt(y.astype(np.float64), y).apply(np.array([0.0, 1.0]))
    assert 0 < p[0] < 0.1 and 0.9 < p[1] < 1


def test_parts_are_calibrated_by_each_other() -> None:
    """Scores twice as sure as they should be: each part learns that from the other alone."""
    rng = np.random.default_rng(6)
    z = rng.normal(-1, 1, 20_000)
    y = (rng.random(20_000) < 1 / (1 + np.exp(-z))).astype(np.int8)
    raw = 1 / (1 + np.exp(-2 * z))
    part = np.arange(20_000) % 2
    p = cross_calibrated(raw, y, part)
    np.testing.assert_allclose(p, 1 / (1 + np.exp(-z)), atol=0.03)
    other = np.where(part == 0, 1 - y, y).astype(np.int8)
    relabeled = cross_calibrated(raw, other, part)
    assert (relabeled[part == 0] == p[part == 0]).all()
    assert abs(relabeled[part == 1] - p[part == 1]).max() > 0.1


def test_rows_of_one_part_keep_their_scores() -> None:
    raw = np.array([0.2, 0.9])
    y = np.array([0, 1], dtype=np.int8)
    assert cross_calibrated(raw, y, np.zeros(2, dtype=np.int64)).tolist() == [0.2, 0.9]


def test_half_width_of_independent_rows_is_wilsons() -> None:
    y = np.repeat(np.array([0, 1], dtype=np.int8), [70, 30])
    alone = np.arange(100).astype(str)
    edges, half = rate_half_width(np.full(100, 0.3), y, alone)
    assert (edges[0], edges[-1]) == (0.0, 1.0)
    # Wilson for 30 of 100: [.2189, .3958].
    assert half[-1] == pytest.approx((0.3958 - 0.2189) / 2, abs=5e-4)
    # The same rows four times, each entity with its own: they say no more.
    four_times = rate_half_width(np.full(400, 0.3), np.tile(y, 4), np.tile(alone, 4))
    assert four_times[1][-1] == pytest.approx(half[-1], abs=1e-9)


def test_weights_set_the_rate_and_widen_its_interval() -> None:
    """Rows of weight 2 count as two for the rate, and as fewer for how certain it is."""
    rng = np.random.default_rng(3)
    raw = np.full(2000, 0.3)
    y = (rng.random(2000) < 0.3).astype(np.int8)
    weights = rng.choice([0.0, 1.0, 9.0], 2000)
    platt = fit_platt(raw, y, weights)
    rate = np.average(y, weights=weights)
    assert platt.apply(raw).mean() == pytest.approx(rate, abs=1e-3)
    others = cross_calibrated(raw, y, np.arange(2000) % 2, weights)
    odd = np.arange(2000) % 2 > 0
    expected = np.average(y[odd], weights=weights[odd])
    assert others[~odd].mean() == pytest.approx(expected, abs=2e-3)
    alone = np.arange(2000).astype(str)
    _, half = rate_half_width(raw, y, alone)
    _, weighted = rate_half_width(raw, y, alone, weights)
    # Kish: (sum of weights)^2 / sum of squared weights = 100 / 82 of 3, or .41 of the rows.
    assert weighted[-1] / half[-1] == pytest.approx(0.41**-0.5, rel=0.1)


def test_rows_of_few_entities_with_one_label_say_little() -> None:
    """Where no label differs, the rows of an entity count as one."""
    entities = np.repeat(np.array(["a", "b"]), 50)
    _, half = rate_half_width(np.full(100, 0.3), np.zeros(100, dtype=np.int8), entities)
    # Wilson for 0 of 2: [0, .6576].
    assert half[-1] == pytest.approx(0.6576 / 2, abs=1e-4)


def test_interval_of_the_rate_covers_the_truth() -> None:
    """Entities of different risk, with eight rows that mostly have the same label."""
    rng = np.random.default_rng(4)
    covered = []
    for _ in range(400):
        entities = np.repeat(np.arange(300), 8)
        risk = rng.beta(2, 6, 300)[entities]
        label_of_entity = rng.random(300)[entities] < risk
        is_copy = rng.random(len(entities)) < 0.8
        y = np.where(is_copy, label_of_entity, rng.random(len(entities)) < risk).astype(np.int8)
        _, half = rate_half_width(np.full(len(y), 0.25), y, entities.astype(str))
        covered.append(abs(y.mean() - 0.25) <= half[-1])
    assert 0.92 <= np.mean(covered) <= 0.98
