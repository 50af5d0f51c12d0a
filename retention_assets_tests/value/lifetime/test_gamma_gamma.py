"""Gamma-Gamma: published figures of CDNOW, simulated customers, and what it refuses."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention_assets.errors import CustomerValueError, NotTrainableError
from retention_assets.value.lifetime.gamma_gamma import (
    GammaGamma,
    fit_gamma_gamma,
    frequency_correlation,
)
from retention_assets.value.lifetime.purchases import PurchaseSummary
from retention_assets_tests.value.lifetime.buyers import SPEND, simulate_buyers, summary_of
from retention_assets_tests.value.lifetime.cdnow import cdnow_sample

CDNOW = GammaGamma(p=6.25, q=3.74, gamma=15.44)


def spenders(frequency: Sequence[float], monetary: Sequence[float]) -> PurchaseSummary:
    recency = np.where(np.array(frequency) > 0, 5.0, 0.0)
    return summary_of(frequency, recency, np.full(len(recency), 9.0), monetary)


def test_fit_gives_published_cdnow_parameters(data_dir: Path) -> None:
    summary = cdnow_sample(data_dir)
    model, _ = fit_gamma_gamma(summary)
    assert (model.p, model.q, model.gamma) == pytest.approx((6.25, 3.74, 15.44), abs=5e-3)
    assert frequency_correlation(summary) == pytest.approx(0.11, abs=5e-3)


def test_expected_spend_is_a_weighted_mean() -> None:
    """Of the customer's mean and the population's, by hand: p x / (p x + q - 1) for the first."""
    share = 6.25 * 2 / (6.25 * 2 + 2.74)
    by_hand = share * 22.35 + (1 - share) * 6.25 * 15.44 / 2.74
    expected = CDNOW.expected_spend(spenders([0, 2], [0, 22.35]))
    assert expected == pytest.approx([6.25 * 15.44 / 2.74, by_hand])
    assert CDNOW.population_mean == pytest.approx(expected[0])


def test_fit_recovers_simulated_parameters() -> None:
    summary = simulate_buyers(20_000, seed=8, length=0.0).summary
    _, fit = fit_gamma_gamma(summary)
    true = np.array([SPEND.p, SPEND.q, SPEND.gamma])
    assert (np.abs(fit.parameters - true) < 3.5 * fit.standard_errors()).all()
    assert abs(frequency_correlation(summary)) < 0.05


def test_currency_only_scales_gamma() -> None:
    summary = simulate_buyers(2000, seed=9, length=0.0).summary
    assert summary.monetary is not None
    cents = spenders(summary.frequency.tolist(), (100 * summary.monetary).tolist())
    first = fit_gamma_gamma(summary)[0]
    second = fit_gamma_gamma(cents)[0]
    assert (second.p, second.q) == pytest.approx((first.p, first.q), rel=1e-3)
    assert second.gamma == pytest.approx(100 * first.gamma, rel=1e-3)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 1000), st.floats(0.01, 1e6))
def test_expected_spend_lies_between_both_means(x: int, mean: float) -> None:
    low, high = sorted((mean, CDNOW.population_mean))
    (expected,) = CDNOW.expected_spend(spenders([x], [mean]))
    assert low * (1 - 1e-9) <= expected <= high * (1 + 1e-9)


def test_few_repeat_customers_are_refused() -> None:
    with pytest.raises(NotTrainableError, match=r"19 customers with a repeat.*at least 20"):
        fit_gamma_gamma(spenders([1] * 19 + [0] * 50, [*range(1, 20), *[0] * 50]))


def test_equal_amounts_are_refused() -> None:
    with pytest.raises(NotTrainableError, match="1 different means"):
        fit_gamma_gamma(spenders([1] * 30, [9.99] * 30))


def test_infinite_mean_is_refused() -> None:
    rng = np.random.default_rng(1)
    amounts = rng.gamma(2.0, 1.0, 300) / rng.gamma(0.6, 1.0, 300)
    with pytest.raises(NotTrainableError, match="mean amount per purchase is infinite"):
        fit_gamma_gamma(spenders([1] * 300, amounts.tolist()))


def test_summary_without_amounts_is_refused() -> None:
    with pytest.raises(CustomerValueError, match="no monetary values"):
        CDNOW.expected_spend(summary_of([1], [2], [3]))


def test_constant_frequency_has_no_correlation() -> None:
    assert np.isnan(frequency_correlation(spenders([1, 1], [2, 3])))
