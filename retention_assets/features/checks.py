"""Checks of features/*: the tiles hold what was sold, and each customer has one row of features."""

import dagster as dg

from retention_assets.resources.lake import Lake

TILES = dg.AssetKey(["features", "daily_activity"])


def tiles_conserve_sales() -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=TILES, additional_deps=[dg.AssetKey(["validated", "transactions"])], blocking=True
    )
    def tiles_conserve_sales(lake: Lake) -> dg.AssetCheckResult:
        """All that the validated transactions sold stands in the tiles, and nothing else: to the last ten-thousandth."""
        from pyspark.sql import functions as F

        from retention_assets.features.measures import UNITS
        from retention_assets.features.tiles import units

        sales = lake.read("validated/transactions").where("kind = 'sale'")
        sold, counted = (
            frame.agg(F.coalesce(F.sum(units(F.col(column))), F.lit(0))).collect()[0][0]
            for frame, column in (
                (sales, "amount"),
                (lake.read("features/daily_activity"), "revenue"),
            )
        )
        money = {
            "sold": sold / UNITS,
            "in_tiles": counted / UNITS,
            "apart": abs(sold - counted) / UNITS,
        }
        return dg.AssetCheckResult(passed=sold == counted, metadata=money)

    return tiles_conserve_sales


def customers_once(table: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=dg.AssetKey.from_user_string(table), name="each_customer_once", blocking=True
    )
    def each_customer_once(lake: Lake) -> dg.AssetCheckResult:
        """One row per customer, all of the same day: who scores or publishes them may rely on it."""
        row = lake.read(table).selectExpr(
            "count(*) AS n", "count(DISTINCT customer_id) AS who", "count(DISTINCT as_of) AS days"
        )
        found = row.collect()[0]
        return dg.AssetCheckResult(
            passed=found["n"] == found["who"] and found["days"] <= 1,
            metadata={"rows": found["n"], "customers": found["who"], "as_of_days": found["days"]},
        )

    return each_customer_once
