"""Checks of training/*: what the learned weeks take for granted. They warn and block nothing."""

import dagster as dg

from retention_assets import keys
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import asset_key

# Standard errors of the mean; fewer customers than MIN_CUSTOMERS decide nothing.
WIDTH = 4.0
MIN_CUSTOMERS = 100


def contact_weights_average_one() -> dg.AssetChecksDefinition:
    """A check on training/churn_examples."""

    @dg.asset_check(
        asset=asset_key(keys.CHURN_EXAMPLES),
        description="Where contacts were decided by chance, those left out stand in for all, so "
        "their weights average 1. A lower mean says that decisions to leave a customer out are "
        "missing in campaign_contacts, or that propensities are too low; a higher one, that "
        "contacts are missing or propensities too high.",
    )
    def contact_weights_average_one(lake: Lake) -> dg.AssetCheckResult:
        from pyspark.sql import functions as F

        # A weight of 1 says that no decision was logged with a propensity.
        decided = lake.read(keys.CHURN_EXAMPLES).where("weight != 1")
        by_customer = decided.groupBy("customer_id").agg(
            F.count(F.lit(1)).alias("rows"), F.sum("weight").alias("weight")
        )
        products = [("weight", "weight"), ("weight", "rows"), ("rows", "rows")]
        (sums,) = by_customer.agg(
            F.count(F.lit(1)),
            F.sum("rows"),
            F.sum("weight"),
            *(F.sum(F.col(left) * F.col(right)) for left, right in products),
        ).collect()
        customers, rows, weight, weights_squared, crossed, rows_squared = sums
        if customers < MIN_CUSTOMERS:
            return dg.AssetCheckResult(passed=True, metadata={"customers": customers})
        mean = weight / rows
        # By customer, as the weeks of one share their decisions (Cochran 1977, section 9A).
        # Rounding can make the sum of squares of equal weights slightly negative.
        squares = max(weights_squared - 2 * mean * crossed + mean**2 * rows_squared, 0.0)
        error = (squares * customers / (customers - 1)) ** 0.5 / rows
        return dg.AssetCheckResult(
            passed=abs(mean - 1) <= WIDTH * error,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"mean_weight": mean, "standard_error": error, "customers": customers},
        )

    return contact_weights_average_one
