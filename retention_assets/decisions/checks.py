"""Checks of decisions/*."""

import dagster as dg

from retention_assets import keys
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import asset_key
from retention_assets.resources.registry import Registry


def every_customer_scored(tables: list[str]) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset_key(keys.CHURN_SCORES),
        additional_deps=[asset_key(name) for name in tables],
    )
    def every_customer_scored(lake: Lake, registry: Registry) -> dg.AssetCheckResult:
        """Each customer of the feature tables has exactly one score, and it is a probability."""
        if registry.champion(keys.CHURN) is None:
            return dg.AssetCheckResult(
                passed=True, description="No champion yet, nothing to score with."
            )
        scores = lake.read(keys.CHURN_SCORES)
        rows = scores.count()
        valid = scores.where("churn_probability between 0 and 1")
        scored = valid.select("customer_id").distinct()
        customers = lake.read(tables[0]).select("customer_id")
        for table in tables[1:]:
            customers = customers.union(lake.read(table).select("customer_id"))
        missing = customers.distinct().join(scored, "customer_id", "left_anti").count()
        wrong = rows - scored.count()
        return dg.AssetCheckResult(
            passed=missing == 0 and wrong == 0,
            description=f"{missing} customers have no score; {wrong} rows are repeated or are not a"
            " probability.",
            metadata={"scored": rows, "missing": missing, "wrong": wrong},
        )

    return every_customer_scored
