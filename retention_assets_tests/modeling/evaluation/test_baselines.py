"""Baselines: profit counted by hand, fitted on training rows only, monotonic in recency."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention_assets.modeling.evaluation.baselines import (
    EVERYBODY,
    NOBODY,
    evaluate_baselines,
)
from retention_assets.modeling.examples import Examples
from retention_assets.modeling.utility import ContactUtility
from retention_assets.training.task import RECENCY_ONLY
from retention_assets_tests.modeling.factories import UTILITY, examples

DATA = examples(customers=60, weeks=6)
TRAIN = DATA.as_of < np.unique(DATA.as_of)[4]
TEST = DATA.take(~TRAIN)
BASELINES = (NOBODY, EVERYBODY, RECENCY_ONLY)
SILENCE = st.floats(0, 5000, allow_nan=False)


def evaluated(data: Examples, train: np.ndarray, test: Examples, utility: ContactUtility) -> dict:
    return evaluate_baselines(BASELINES, data, train, test, utility)


def rows_with_recency(*recency: float) -> Examples:
    """Test rows that differ in their recency alone."""
    rows = TEST.take(np.zeros(len(recency), dtype=int))
    rows.X[:, 0] = recency
    return rows


def by_recency(test: Examples, data: Examples = DATA) -> np.ndarray:
    return evaluated(data, TRAIN, test, UTILITY)[RECENCY_ONLY.name].p


@pytest.mark.parametrize(("churners", "money"), [(3, 200.0), (1, -1000.0), (0, -1600.0)])
def test_random_contacts_earn_average_and_nobody_earns_zero(churners: int, money: float) -> None:
    """Two contacts of ten customers reach churners / 5: (30 x churners / 5 - 2 x 8) x 100."""
    test = replace(
        TEST.take(np.arange(10)), y=np.repeat([1, 0], [churners, 10 - churners]).astype(np.int8)
    )
    baselines = evaluated(DATA, TRAIN, test, UTILITY)
    assert baselines[EVERYBODY.name].point()["profit"] == pytest.approx(money)
    cheap = evaluated(DATA, TRAIN, test, replace(UTILITY, contact_cost=0.5))
    assert baselines[NOBODY.name].point()["profit"] == cheap[NOBODY.name].point()["profit"] == 0.0


def test_constant_baselines_predict_training_rate() -> None:
    baselines = evaluated(DATA, TRAIN, TEST, UTILITY)
    rate = DATA.y[TRAIN].mean()
    assert rate != pytest.approx(TEST.y.mean(), abs=1e-4)
    for name in (EVERYBODY.name, NOBODY.name):
        assert baselines[name].p == pytest.approx(np.full(len(TEST), rate))


def test_baselines_learn_from_training_rows_only() -> None:
    other = DATA.take(np.arange(len(DATA)))
    other.y[~TRAIN] = 1 - other.y[~TRAIN]
    other.X[~TRAIN] = 1e6
    first, second = (evaluated(data, TRAIN, TEST, UTILITY) for data in (DATA, other))
    assert first.keys() == second.keys() == {item.name for item in BASELINES}
    assert all(first[name].p.tolist() == second[name].p.tolist() for name in first)


@settings(max_examples=40, deadline=None)
@given(recency=st.lists(SILENCE, min_size=2, max_size=30))
def test_longer_silence_never_lowers_probability(recency: list[float]) -> None:
    p = by_recency(rows_with_recency(*sorted(recency)))
    assert (np.diff(p) >= 0).all() and ((p > 0) & (p < 1)).all()


def test_recency_baseline_separates_customers() -> None:
    p = by_recency(rows_with_recency(1.0, 10.0, 100.0))
    assert p[0] < DATA.y[TRAIN].mean() < p[2] and p[2] - p[0] > 0.1


def test_unknown_recency_counts_as_longest_in_training() -> None:
    data = DATA.take(np.arange(len(DATA)))
    longest = DATA.X[TRAIN, 0].max()
    data.X[~TRAIN, 0] = 3 * longest
    unknown, known, longer, negative, today = by_recency(
        rows_with_recency(np.nan, longest, 2 * longest, -3.0, 0.0), data
    )
    assert unknown == known < longer
    assert negative == today < known


@pytest.mark.parametrize("recency", [np.nan, 30.0])
def test_constant_recency_gives_training_rate(recency: float) -> None:
    silent = DATA.take(np.arange(len(DATA)))
    silent.X[:, 0] = recency
    p = by_recency(rows_with_recency(recency, recency), silent)
    assert p == pytest.approx(np.full(2, DATA.y[TRAIN].mean()), abs=0.01)


def test_reversed_recency_gives_constant_probability() -> None:
    p = by_recency(rows_with_recency(1.0, 100.0), replace(DATA, y=(1 - DATA.y).astype(np.int8)))
    assert p[0] == p[1]


def test_source_without_recency_has_no_recency_baseline() -> None:
    nameless = replace(DATA, features=("other", *DATA.features[1:]))
    assert set(evaluated(nameless, TRAIN, nameless.take(~TRAIN), UTILITY)) == {
        NOBODY.name,
        EVERYBODY.name,
    }
