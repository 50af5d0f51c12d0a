"""Checks of features/*: lost or doubled sales in the tiles fail, and so do repeated customers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from retention_assets.features.checks import customers_once, tiles_conserve_sales
from retention_assets.resources.lake import Lake
from retention_assets_tests.runs import evaluate_check

MOMENT = datetime(2024, 3, 4, tzinfo=UTC)
# The last sale was of 70.00 before it was corrected.
SOLD = [
    *((str(number), "sale", 0.1, MOMENT, False, False) for number in range(10)),
    ("corrected", "sale", 70.0, MOMENT, False, False),
    ("returned", "return", 5.0, MOMENT, False, False),
    ("corrected", "sale", 19.99, MOMENT + timedelta(days=1), True, False),
]
SOLD_SCHEMA = (
    "transaction_id string, kind string, amount double, ingested_ts timestamp,"
    " stated_ts timestamp, is_correction boolean, is_gone boolean"
)
CURRENT = "features/customer_behavior"


def write_table(lake: Lake, key: str, schema: str, rows: list[tuple[Any, ...]]) -> None:
    lake.overwrite(key, lake.spark.createDataFrame(rows, schema))


@pytest.mark.parametrize(
    ("tiles", "difference"),
    [
        ([1.0, 19.99], 0.0),
        ([1.0, 19.99, 0.0001], 0.0001),
        ([1.0], 19.99),
        ([1.0, 39.98], 19.99),
        ([], 20.99),
    ],
    ids=["all sales", "slightly too much", "lost sale", "doubled sale", "no tiles"],
)
def test_tiles_must_hold_all_sales_and_no_returns(
    module_lake: Lake, tiles: list[float], difference: float
) -> None:
    rows = [(*row[:4], row[3], *row[4:]) for row in SOLD]
    write_table(module_lake, "validated/transactions", SOLD_SCHEMA, rows)
    write_table(
        module_lake, "features/daily_activity", "revenue double", [(revenue,) for revenue in tiles]
    )
    evaluation = evaluate_check(tiles_conserve_sales(), module_lake)
    assert evaluation.passed is (difference == 0.0)
    assert evaluation.metadata["difference"].value == pytest.approx(difference)


@pytest.mark.parametrize(
    ("rows", "passed"),
    [
        ([("a", "2024-03-04"), ("b", "2024-03-04")], True),
        ([("a", "2024-03-04"), ("a", "2024-03-04")], False),
        ([("a", "2024-03-04"), ("b", "2024-03-05")], False),
    ],
    ids=["once", "twice", "two days"],
)
def test_customers_need_one_row_of_one_day(
    module_lake: Lake, rows: list[tuple[str, str]], passed: bool
) -> None:
    write_table(module_lake, CURRENT, "customer_id string, as_of string", rows)
    assert evaluate_check(customers_once(CURRENT), module_lake).passed is passed
