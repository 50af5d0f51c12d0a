"""A contact is worth what it saves of the customer's own lifetime value, less its cost."""

from datetime import date

import pytest

from retention_assets.decisions.customer_value import DESCRIPTIONS, with_contact_profit
from retention_assets.resources.lake import Lake

TODAY = date(2024, 3, 4)
YESTERDAY = date(2024, 3, 3)
SCORES = [("rich", 0.5, TODAY), ("poor", 0.5, TODAY), ("gone", None, TODAY), ("old", 0.5, TODAY)]
VALUES = [("rich", 400.0, TODAY), ("poor", 40.0, TODAY), ("gone", 90.0, TODAY)]
STALE = [("old", 400.0, YESTERDAY)]


def contact_profits(lake: Lake, values: list[tuple] | None) -> dict[str, tuple]:
    """Customer -> lifetime value and profit of a contact that costs 8 and keeps a quarter."""
    scores = lake.spark.createDataFrame(
        SCORES, "customer_id string, churn_probability double, features_as_of date"
    )
    schema = "customer_id string, clv_score double, as_of date"
    table = lake.spark.createDataFrame(values, schema) if values is not None else None
    frame = with_contact_profit(scores, table, contact_cost=8.0, save_rate=0.25)
    assert frame.columns == [*scores.columns, *DESCRIPTIONS]
    return {row["customer_id"]: tuple(row)[-2:] for row in frame.collect()}


def test_contact_profit_takes_the_customers_own_value(lake: Lake) -> None:
    profits = contact_profits(lake, VALUES + STALE)
    assert profits["rich"] == pytest.approx((400.0, 0.5 * 0.25 * 400 - 8))
    assert profits["poor"] == pytest.approx((40.0, 0.5 * 0.25 * 40 - 8))
    assert profits["gone"] == (90.0, None)


def test_value_of_another_day_is_unknown(lake: Lake) -> None:
    assert contact_profits(lake, VALUES + STALE)["old"] == (None, None)


def test_source_without_values_has_no_contact_profit(lake: Lake) -> None:
    profits = contact_profits(lake, None)
    assert len(profits) == len(SCORES) and set(profits.values()) == {(None, None)}
