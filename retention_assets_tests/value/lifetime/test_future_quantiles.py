"""The table of simulated futures agrees with what is known in closed form."""

import numpy as np
import pytest

from retention_assets.value.lifetime.future_quantiles import (
    QUANTILE_LEVELS,
    FutureQuantiles,
    frequency_nodes,
    future_quantiles,
)
from retention_assets.value.lifetime.horizon import Horizon
from retention_assets.value.lifetime.likelihood import LikelihoodFit
from retention_assets_tests.value.lifetime.buyers import PURCHASES, SPEND


@pytest.fixture(scope="module")
def certain() -> FutureQuantiles:
    """Of parameters that are known exactly."""
    purchases = np.array([PURCHASES.r, PURCHASES.alpha, PURCHASES.a, PURCHASES.b])
    spend = np.array([SPEND.p, SPEND.q, SPEND.gamma])
    return future_quantiles(
        (PURCHASES, LikelihoodFit(purchases, 0.0, np.zeros((4, 4)))),
        (SPEND, LikelihoodFit(spend, 0.0, np.zeros((3, 3)))),
        horizon=Horizon(0.1),
        largest_frequency=10,
        longest_T=700.0,
        seed=1,
    )


def test_nodes_reach_the_largest_frequency() -> None:
    assert frequency_nodes(2).tolist() == list(range(9))
    assert frequency_nodes(20).tolist() == [*range(9), 12, 18, 27]


def test_share_of_zeros_matches_closed_form(certain: FutureQuantiles) -> None:
    """The probability of no purchase in the horizon, at every node."""
    length = Horizon(0.1).length(1.0)
    for row, x in enumerate(certain.frequencies):
        T = np.exp(certain.log_times) - PURCHASES.alpha
        none = PURCHASES.probability_of_none_if_alive(np.full(len(T), x), T, length)
        zeros = QUANTILE_LEVELS[(certain.ratios[row] == 0).sum(axis=1) - 1] + 0.005
        clear = (none > 0.02) & (none < 0.94)
        np.testing.assert_allclose(zeros[clear], none[clear], atol=0.03)


def test_quantiles_grow_with_level(certain: FutureQuantiles) -> None:
    assert (np.diff(certain.ratios, axis=2) >= 0).all()
    ratio = certain.ratio(np.full(3, 3.0), np.full(3, 200.0), np.array([-0.5, 0.3, 0.9]))
    assert ratio[0] == 0 and ratio[1] < ratio[2]


def test_customers_beyond_table_take_its_end(certain: FutureQuantiles) -> None:
    level = np.array([0.9])
    last = certain.ratio(np.array([12.0]), np.array([700.0]), level)
    assert certain.ratio(np.array([500.0]), np.array([9000.0]), level) == pytest.approx(last)
