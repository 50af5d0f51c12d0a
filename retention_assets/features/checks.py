"""Checks of features/*: tiles hold all sales, and each customer has one row of features."""

import dagster as dg

from retention_assets import keys
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import asset_key


def tiles_conserve_sales() -> dg.AssetChecksDefinition:
    """A blocking check on features/daily_activity, for sources with transactions."""

    @dg.asset_check(
        asset=asset_key(keys.DAILY_ACTIVITY),
        additional_deps=[asset_key(keys.TRANSACTIONS)],
        blocking=True,
    )
    def tiles_conserve_sales(lake: Lake) -> dg.AssetCheckResult:
        """The tiles add up to the value of all sales that hold today, exactly to four decimals."""
        from pyspark.sql import DataFrame
        from pyspark.sql import functions as F

        from retention_assets.features.measures import UNITS
        from retention_assets.features.tiles import units
        from retention_assets.validation.versions import read_facts

        def total(frame: DataFrame, column: str) -> int:
            return frame.agg(F.coalesce(F.sum(units(F.col(column))), F.lit(0))).collect()[0][0]

        sales = read_facts(lake.read, "transactions").where("kind = 'sale'")
        sold = total(sales.where("replaced_on IS NULL"), "amount")
        in_tiles = total(lake.read(keys.DAILY_ACTIVITY), "revenue")
        return dg.AssetCheckResult(
            passed=sold == in_tiles,
            metadata={
                "sold": sold / UNITS,
                "in_tiles": in_tiles / UNITS,
                "difference": abs(sold - in_tiles) / UNITS,
            },
        )

    return tiles_conserve_sales


def customers_once(table: str) -> dg.AssetChecksDefinition:
    """A blocking check on one feature table."""

    @dg.asset_check(asset=asset_key(table), name="each_customer_once", blocking=True)
    def each_customer_once(lake: Lake) -> dg.AssetCheckResult:
        """One row per customer, all of the same day; scoring and publishing rely on it."""
        counts = lake.read(table).selectExpr(
            "count(*) AS rows",
            "count(DISTINCT customer_id) AS customers",
            "count(DISTINCT as_of) AS as_of_days",
        )
        metadata = counts.collect()[0].asDict()
        once = metadata["rows"] == metadata["customers"]
        return dg.AssetCheckResult(passed=once and metadata["as_of_days"] <= 1, metadata=metadata)

    return each_customer_once
