"""Checks of features/*: the tiles hold what was sold, and each customer has one row of features."""

import dagster as dg

from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake

TILES = dg.AssetKey(["features", "daily_activity"])


def tiles_conserve_sales(platform: Platform) -> dg.AssetChecksDefinition:
    columns = platform.profile.tables["transactions"].columns
    value = "amount" if "amount" in columns else "0"

    @dg.asset_check(asset=TILES, additional_deps=[dg.AssetKey(["validated", "transactions"])], blocking=True)
    def tiles_conserve_sales(lake: Lake) -> dg.AssetCheckResult:
        """All that the validated transactions sold stands in the tiles, and nothing else: to a ten-thousandth a row."""
        sold = (
            lake.read("validated/transactions").where("kind = 'sale'").selectExpr(f"sum({value}) AS total").collect()[0]["total"]
        )
        counted = lake.read("features/daily_activity").selectExpr("sum(revenue) AS total").collect()[0]["total"]
        rows = lake.read("validated/transactions").count()
        apart = abs((sold or 0.0) - (counted or 0.0))
        return dg.AssetCheckResult(
            passed=apart <= 1e-4 * max(1, rows),
            metadata={"sold": float(sold or 0.0), "in_tiles": float(counted or 0.0), "apart": apart},
        )

    return tiles_conserve_sales


def customers_once(table: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=dg.AssetKey.from_user_string(table), name="each_customer_once", blocking=True)
    def each_customer_once(lake: Lake) -> dg.AssetCheckResult:
        """One row per customer, all of the same day: who scores or publishes them may rely on it."""
        row = lake.read(table).selectExpr("count(*) AS n", "count(DISTINCT customer_id) AS who", "count(DISTINCT as_of) AS days")
        found = row.collect()[0]
        return dg.AssetCheckResult(
            passed=found["n"] == found["who"] and found["days"] <= 1,
            metadata={"rows": found["n"], "customers": found["who"], "as_of_days": found["days"]},
        )

    return each_customer_once
