"""Checks of decisions/*."""

import dagster as dg

from retention_assets import keys
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import asset_key
from retention_assets.resources.registry import Registry
from serve.states import CAN_LEAVE, UNKNOWN


def every_customer_scored() -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset_key(keys.CHURN_SCORES), additional_deps=[asset_key(keys.CUSTOMER_STATE)]
    )
    def every_customer_scored(lake: Lake, registry: Registry) -> dg.AssetCheckResult:
        """Each customer has one row: with a probability if the customer can leave, else without."""
        from pyspark.sql import functions as F

        if registry.champion(keys.CHURN) is None:
            return dg.AssetCheckResult(
                passed=True, description="No champion yet, nothing to score with."
            )
        states = lake.read(keys.CUSTOMER_STATE).where(F.col("state") != UNKNOWN)
        customers = states.select("customer_id", F.col("state").alias("customer_state"))
        scores = lake.read(keys.CHURN_SCORES)
        rows = scores.count()
        is_right = F.when(
            F.col("customer_state").isin(*CAN_LEAVE), F.expr("churn_probability BETWEEN 0 AND 1")
        ).otherwise(F.expr("churn_probability IS NULL AND risk_level IS NULL"))
        right = scores.where(is_right).join(customers, customers.columns, "left_semi")
        right = right.select("customer_id").distinct()
        missing = customers.join(right, "customer_id", "left_anti").count()
        wrong = rows - right.count()
        return dg.AssetCheckResult(
            passed=missing == 0 and wrong == 0,
            description=f"{missing} customers have no right row; {wrong} rows are repeated, have "
            "another state than the customer, or a probability where there is none to have.",
            metadata={"scored": rows, "missing": missing, "wrong": wrong},
        )

    return every_customer_scored
