"""Discounting counts money of a year from now at 1 / (1 + rate)."""

import numpy as np
import pytest

from retention_assets.errors import CustomerValueError
from retention_assets.value.lifetime.horizon import Horizon


def test_year_of_discount_is_the_annual_rate() -> None:
    horizon = Horizon(0.1)
    year_in_weeks = 365.25 / 7
    assert horizon.length(7.0) == pytest.approx(3 * year_in_weeks)
    assert np.exp(-horizon.continuous_rate(7.0) * year_in_weeks) == pytest.approx(1 / 1.1)
    assert horizon.month_end_discounts()[[11, 35]] == pytest.approx([1 / 1.1, 1.1**-3])


@pytest.mark.parametrize(
    ("months", "rate", "message"), [(0, 0.1, "0 months"), (36, -0.1, "discount is -0.1")]
)
def test_impossible_horizon_is_refused(months: int, rate: float, message: str) -> None:
    with pytest.raises(CustomerValueError, match=message):
        Horizon(rate, months)
