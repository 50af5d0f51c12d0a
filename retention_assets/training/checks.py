"""Checks of training/churn_examples: the leak audit, which blocks training, and what the weights
take for granted, which warns.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

import dagster as dg

from retention_assets import keys
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import asset_key
from retention_assets.training.columns import BOOKKEEPING, example_features
from retention_assets.training.task import churn_window, contact_utility

if TYPE_CHECKING:
    from retention_assets.training.leak_audit.results import AuditResult

# Standard errors of the mean; fewer customers than MIN_CUSTOMERS decide nothing.
WIDTH = 4.0
MIN_CUSTOMERS = 100

FEATURES_OF_THEIR_DAY = "features_of_their_day"
LATE_FACTS_CHANGE_NOTHING = "late_facts_change_nothing"
FUTURE_VALUES_REFUSED = "future_values_refused"
NO_LABEL_COLUMNS = "no_label_columns"
AUDIT: Mapping[str, str] = {
    FEATURES_OF_THEIR_DAY: "A sample of the examples is computed again, from nothing but the facts "
    "known on their day, and has the same bytes. The figures say how much better a model would "
    "look if the features were those of today.",
    LATE_FACTS_CHANGE_NOTHING: "After a planted backfill of earlier facts that arrives on the day "
    "of the examples, the sample has the same bytes. A day earlier the same facts change it.",
    FUTURE_VALUES_REFUSED: "A feature with its values at the end of the label window does not pass "
    "as one of the example's day, whichever feature it is: the audit can fail.",
    NO_LABEL_COLUMNS: "No feature is computed from a column that says who leaves, and no column "
    "of the examples is of unknown origin.",
}
NO_EXAMPLES = "There are no examples yet."


def audit_specs() -> list[dg.AssetCheckSpec]:
    """The blocking checks of the leak audit. While one fails, nothing is retrained."""
    key = asset_key(keys.CHURN_EXAMPLES)
    return [
        dg.AssetCheckSpec(name, asset=key, description=description, blocking=True)
        for name, description in AUDIT.items()
    ]


def leak_audit(platform: Platform) -> dg.AssetChecksDefinition:
    """The checks of `audit_specs`, made in one step."""

    @dg.multi_asset_check(name="leak_audit", specs=audit_specs())
    def leak_audit(lake: Lake) -> Iterator[dg.AssetCheckResult]:
        for name, result in _audit_results(lake, platform).items():
            yield dg.AssetCheckResult(
                check_name=name,
                passed=result.passed,
                description=result.summary,
                metadata=dict(result.figures),
            )

    return leak_audit


def _audit_results(lake: Lake, platform: Platform) -> dict[str, "AuditResult"]:
    """The result of each check of AUDIT."""
    from retention_assets.training.leak_audit import results
    from retention_assets.training.leak_audit.auc_gap import auc_gap
    from retention_assets.training.leak_audit.readings import read_again
    from retention_assets.training.leak_audit.sample import audited_days, sampled
    from retention_assets.validation.versions import read_facts
    from retention_assets.validation.watermark import read_watermark

    profile = platform.profile
    examples = lake.read(keys.CHURN_EXAMPLES)
    features = example_features(profile)
    traced = results.trace_label_columns(
        features, profile, stored=examples.columns, bookkeeping=BOOKKEEPING
    )
    days = audited_days(examples)
    if not days:
        nothing = results.AuditResult(True, NO_EXAMPLES, {})
        return dict.fromkeys(AUDIT, nothing) | {NO_LABEL_COLUMNS: traced}
    readings = read_again(
        sampled(examples, days).toArrow(),
        lake.read(keys.DAILY_ACTIVITY),
        read_facts(lake.read, "customers"),
        features,
        history_start=profile.start,
        window_days=churn_window(platform.settings, profile).closes_after_days,
        today=read_watermark(lake.read) + timedelta(days=1),
    )
    gap = auc_gap(readings, contact_utility(platform.settings))
    return {
        FEATURES_OF_THEIR_DAY: results.compare_as_of(readings, gap),
        LATE_FACTS_CHANGE_NOTHING: results.replay_backfill(readings),
        FUTURE_VALUES_REFUSED: results.plant_future_values(readings),
        NO_LABEL_COLUMNS: traced,
    }


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
