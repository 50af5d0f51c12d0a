"""Bootstrap intervals resample customers and are paired between scorers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention_assets.modeling.evaluation.intervals import (
    CHUNK,
    entity_draws,
    interval,
    resample,
    without_bias,
)
from retention_assets.modeling.evaluation.metrics import Evaluation
from retention_assets.modeling.utility import ContactUtility

UTILITY = ContactUtility(contact_cost=8, saved_margin=120, save_rate=0.25, capacity_share=0.2)


@settings(max_examples=30, deadline=None)
@given(
    customers=st.integers(1, 40),
    weeks=st.integers(1, 5),
    rounds=st.integers(1, 3 * CHUNK),
    seed=st.integers(0, 9),
)
def test_draw_takes_customers_with_all_rows(
    customers: int, weeks: int, rounds: int, seed: int
) -> None:
    number = np.tile(np.arange(customers), weeks)
    weights = np.concatenate(list(entity_draws(customers, rounds, seed)), axis=1)[number]
    assert weights.shape == (customers * weeks, rounds)
    assert (weights.sum(axis=0) == customers * weeks).all()
    by_week = weights.reshape(weeks, customers, rounds)
    assert (by_week == by_week[0]).all()
    again = np.concatenate(list(entity_draws(customers, rounds, seed)), axis=1)[number]
    assert (weights == again).all()


def test_scorers_share_bootstrap_draws() -> None:
    """A copy of a scorer equals it in every round; paired differences vary less than scores."""
    rng = np.random.default_rng(6)
    p = rng.beta(2, 5, 400)
    y = (rng.random(400) < p).astype(np.int8)
    worse = np.clip(p + 0.1 * rng.normal(size=400), 0.01, 0.99)
    who = np.array([f"C{number}" for number in range(400)])
    scorers = {
        "one": Evaluation(y, p, UTILITY),
        "copy": Evaluation(y, p, UTILITY),
        "worse": Evaluation(y, worse, UTILITY),
    }
    samples = resample(scorers, who, 200, 1)
    assert all(
        (samples["one"][metric] == samples["copy"][metric]).all() for metric in samples["one"]
    )
    paired = samples["worse"]["brier"] - samples["one"]["brier"]
    assert paired.std() < 0.5 * samples["one"]["brier"].std()


def test_paired_interval_has_nominal_coverage() -> None:
    """Two rankings of known profit: contacted customers leave at 60 % or at 30 %."""
    rng = np.random.default_rng(9)
    covered = 0
    repetitions = 150
    n = 300
    truth = (0.6 - 0.3) * 0.25 * 120 * 0.2 * 1000
    who = np.array([f"C{number}" for number in range(n)])
    good = np.full(n, 0.35)
    good[:60] = 0.9
    poor = np.full(n, 0.35)
    poor[60:120] = 0.9
    rate = np.r_[np.full(60, 0.6), np.full(60, 0.3), np.full(180, 0.1)]
    for _ in range(repetitions):
        y = (rng.random(n) < rate).astype(np.int8)
        samples = resample(
            {"good": Evaluation(y, good, UTILITY), "poor": Evaluation(y, poor, UTILITY)},
            who,
            200,
            2,
        )
        low, high = interval(samples["good"]["profit"] - samples["poor"]["profit"])
        covered += low <= truth <= high
    assert 0.89 <= covered / repetitions <= 0.99


def test_intervals_resample_customers_not_rows() -> None:
    """Ten copies of each customer's row do not make the interval narrower."""
    rng = np.random.default_rng(4)
    p = rng.random(300)
    y = (rng.random(300) < p).astype(np.int8)
    who = np.array([f"C{number}" for number in range(300)])
    once = resample({"model": Evaluation(y, p, UTILITY)}, who, 400, 1)["model"]["auc"]
    ten = resample(
        {"model": Evaluation(np.tile(y, 10), np.tile(p, 10), UTILITY)}, np.tile(who, 10), 400, 1
    )["model"]["auc"]
    widths = [high - low for low, high in (interval(once), interval(ten))]
    assert widths[1] == pytest.approx(widths[0], rel=0.15)


def test_noise_is_taken_out_of_a_sum_of_squares() -> None:
    """The squared mean of 100 values whose true mean is 0.1: noise adds their variance / 100."""
    rng = np.random.default_rng(3)
    plain = []
    corrected = []
    covered = []
    for _ in range(300):
        values = rng.normal(0.1, 1.0, 100)
        sample = values[rng.integers(0, 100, (200, 100))].mean(axis=1) ** 2
        point = values.mean() ** 2
        value, low, high = without_bias(point, sample, 0.1)
        plain.append(point)
        corrected.append(value)
        covered.append(low <= 0.01 <= high)
    assert np.mean(plain) == pytest.approx(0.02, abs=0.003)
    assert np.mean(corrected) == pytest.approx(0.01, abs=0.003)
    assert np.mean(covered) > 0.8
