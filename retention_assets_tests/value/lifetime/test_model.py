"""Lifetime value: its interval covers what simulated customers really bring."""

import pickle

import numpy as np
import pytest

from retention_assets.errors import CustomerValueError
from retention_assets.value.lifetime.horizon import Horizon
from retention_assets.value.lifetime.model import LifetimeModel, fit_lifetime
from retention_assets_tests.value.lifetime.buyers import Buyers, simulate_buyers, summary_of

HORIZON = Horizon(0.1)
SHARE = 0.3


@pytest.fixture(scope="module")
def buyers() -> Buyers:
    return simulate_buyers(
        8000, seed=2, length=HORIZON.length(1.0), rate=HORIZON.continuous_rate(1.0)
    )


@pytest.fixture(scope="module")
def model(buyers: Buyers) -> LifetimeModel:
    return fit_lifetime(buyers.summary, horizon=HORIZON, margin_share=SHARE)


def test_interval_covers_ninety_percent(buyers: Buyers, model: LifetimeModel) -> None:
    value = model.value(buyers.summary)
    margin = SHARE * buyers.future_amount
    inside = (margin >= value.margin_lower) & (margin <= value.margin_upper)
    assert inside.mean() == pytest.approx(0.9, abs=0.015)
    often = buyers.summary.frequency >= 5
    assert inside[often].mean() == pytest.approx(0.9, abs=0.03)


def test_interval_of_few_customers_is_wide_enough() -> None:
    """300 customers leave the parameters uncertain."""
    few = simulate_buyers(
        300, seed=0, length=HORIZON.length(1.0), rate=HORIZON.continuous_rate(1.0)
    )
    value = fit_lifetime(few.summary, horizon=HORIZON, margin_share=1.0).value(few.summary)
    inside = (few.future_amount >= value.margin_lower) & (few.future_amount <= value.margin_upper)
    assert inside.mean() > 0.87


def test_margin_matches_simulated_total(buyers: Buyers, model: LifetimeModel) -> None:
    value = model.value(buyers.summary)
    assert value.margin.sum() == pytest.approx(SHARE * buyers.future_amount.sum(), rel=0.08)
    assert value.purchases.sum() == pytest.approx(buyers.future_purchases.sum(), rel=0.08)
    assert (value.margin <= SHARE * value.purchases * value.spend).all()


def test_value_grows_with_recency(model: LifetimeModel) -> None:
    recency = np.linspace(10.0, 400.0, 40)
    summary = summary_of(np.full(40, 4), recency, np.full(40, 400.0), np.full(40, 9.0), 1.0)
    value = model.value(summary)
    for column in (value.probability_alive, value.margin):
        assert (np.diff(column) > 0).all()
    assert (np.diff(value.margin_lower) >= 0).all()


def test_lapsed_customer_may_bring_nothing(model: LifetimeModel) -> None:
    """The second customer's probability of being active is too small for a float."""
    value = model.value(summary_of([30, 3000], [100, 10], [700, 9000], [9, 9], 1.0))
    assert (value.probability_alive < 0.01).all()
    assert (value.margin_lower == 0).all() and (value.margin_upper == 0).all()


def test_chunks_give_the_same_values(buyers: Buyers, model: LifetimeModel) -> None:
    """Also from a model that crossed processes, as Spark does it."""
    copy = pickle.loads(pickle.dumps(model))
    everyone = buyers.summary
    assert everyone.monetary is not None
    rows = slice(100, 200)
    part = summary_of(
        everyone.frequency[rows],
        everyone.recency[rows],
        everyone.T[rows],
        everyone.monetary[rows],
        everyone.unit_days,
    )
    np.testing.assert_allclose(copy.value(part).margin, model.value(everyone).margin[rows])
    np.testing.assert_allclose(
        copy.value(part).margin_upper, model.value(everyone).margin_upper[rows]
    )


def test_empty_chunk_gives_no_values(model: LifetimeModel) -> None:
    nobody = np.empty(0)
    assert len(model.value(summary_of(nobody, nobody, nobody, nobody, 1.0)).margin) == 0


def test_impossible_margin_share_is_refused(buyers: Buyers) -> None:
    with pytest.raises(CustomerValueError, match=r"margin is 1\.5"):
        fit_lifetime(buyers.summary, horizon=HORIZON, margin_share=1.5)


def test_other_unit_of_time_is_refused(model: LifetimeModel) -> None:
    with pytest.raises(CustomerValueError, match="counts time in 1 days"):
        model.value(summary_of([1], [2], [3], [4]))
