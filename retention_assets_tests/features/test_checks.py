"""Checks of features/*: a sale that is lost or doubled in the tiles is seen, and so is a customer who has two rows."""

from typing import Any

import dagster as dg
import pytest

from retention_assets.features.checks import customers_once, tiles_conserve_sales
from retention_assets.resources.lake import Lake

SOLD = [("sale", 0.1)] * 10 + [("sale", 19.99), ("return", 5.0)]
CURRENT = "features/customer_behavior"


def verdict(check: dg.AssetChecksDefinition, lake: Lake) -> dg.AssetCheckEvaluation:
    checks = dg.AssetSelection.all_asset_checks()
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [check],
            resources={"lake": lake},
            instance=instance,
            selection=checks,
            raise_on_error=False,
        )
    (told,) = result.get_asset_check_evaluations()
    return told


def table(lake: Lake, key: str, schema: str, rows: list[tuple[Any, ...]]) -> None:
    lake.overwrite(key, lake.spark.createDataFrame(rows, schema))


@pytest.mark.parametrize(
    ("tiles", "apart"),
    [
        ([1.0, 19.99], 0.0),
        ([1.0, 19.99, 0.0001], 0.0001),
        ([1.0], 19.99),
        ([1.0, 39.98], 19.99),
        ([], 20.99),
    ],
    ids=["all there", "a trifle too much", "a sale lost", "a sale doubled", "no tile at all"],
)
def test_tiles_hold_what_was_sold_and_returns_are_no_sales(
    module_lake: Lake, tiles: list[float], apart: float
) -> None:
    table(module_lake, "validated/transactions", "kind string, amount double", SOLD)
    table(
        module_lake, "features/daily_activity", "revenue double", [(revenue,) for revenue in tiles]
    )
    told = verdict(tiles_conserve_sales(), module_lake)
    assert told.passed is (apart == 0.0) and told.metadata["apart"].value == pytest.approx(apart)


@pytest.mark.parametrize(
    ("rows", "passed"),
    [
        ([("a", "2024-03-04"), ("b", "2024-03-04")], True),
        ([("a", "2024-03-04"), ("a", "2024-03-04")], False),
        ([("a", "2024-03-04"), ("b", "2024-03-05")], False),
    ],
    ids=["once", "twice", "of two days"],
)
def test_each_customer_has_one_row_of_one_day(
    module_lake: Lake, rows: list[tuple[str, str]], passed: bool
) -> None:
    table(module_lake, CURRENT, "customer_id string, as_of string", rows)
    assert verdict(customers_once(CURRENT), module_lake).passed is passed
