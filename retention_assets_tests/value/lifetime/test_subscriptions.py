"""A life table counts who was at risk of ending in each month of tenure."""

import numpy as np
import pytest

from retention_assets.errors import CustomerValueError
from retention_assets.value.lifetime.subscriptions import Subscriptions, life_table


def test_life_table_counts_by_hand() -> None:
    """Plan a: one ends in its first month, one is observed for two months, one enters at tenure 2
    and ends in month 3. Plan b: three of a kind, observed for one month.
    """
    table = life_table(
        Subscriptions(
            plan=np.array(["a", "a", "a", "b"]),
            entry=np.array([0, 0, 2, 0]),
            tenure=np.array([0, 2, 3, 1]),
            ended=np.array([True, False, True, False]),
            count=np.array([1.0, 1.0, 1.0, 3.0]),
        )
    )
    assert table.plans.tolist() == ["a", "b"]
    assert table.at_risk.tolist() == [[2, 1, 1, 1], [3, 0, 0, 0]]
    assert table.ended.tolist() == [[1, 0, 0, 1], [0, 0, 0, 0]]


@pytest.mark.parametrize(
    ("entry", "tenure", "count", "message"),
    [
        ([2], [1], None, "ended before the data start .first row 0"),
        ([0], [-1], None, "tenure is no whole number"),
        ([0], [1.5], None, "tenure is no whole number"),
        ([np.nan], [1], None, "entry is no whole number"),
        ([0], [1], [-1.0], "count of subscriptions is negative"),
        ([0, 0], [1], None, "have .1, 2. rows"),
    ],
)
def test_contradiction_is_refused(
    entry: list[float], tenure: list[float], count: list[float] | None, message: str
) -> None:
    with pytest.raises(CustomerValueError, match=message):
        Subscriptions(
            np.array(["a"]),
            np.array(entry),
            np.array(tenure),
            np.array([True]),
            None if count is None else np.array(count),
        )
