"""Asset checks of this stage. What counts as broken is decided in rules.py and suites.py."""

from datetime import date, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from retention_assets import keys
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import asset_key
from retention_assets.sources.contracts import Table
from retention_assets.sources.profile import CHURN_TABLE
from retention_assets.validation.rules import Rule, rules_of

if TYPE_CHECKING:
    from retention_assets.validation.result import RuleViolations, ValidationResult

CONSERVED = "rows_in_equals_rows_out"
SHARE = "quarantined_share_below_threshold"


def check_specs(table: Table, start: date) -> list[dg.AssetCheckSpec]:
    """The blocking checks of a validated table: one per rule, two on the split."""
    key = asset_key(keys.validated(table.name))

    def spec(name: str, description: str) -> dg.AssetCheckSpec:
        return dg.AssetCheckSpec(name, asset=key, description=description, blocking=True)

    return [
        spec(
            CONSERVED,
            "Every raw row is validated, quarantined, or the repeat of a validated one: none is "
            "lost, none is doubled.",
        ),
        spec(
            SHARE,
            "No more rows than allowed went to quarantine; of few rows, as many as of a hundred.",
        ),
        *(spec(rule.name, _promise(rule)) for rule in rules_of(table, start)),
    ]


def check_results(result: "ValidationResult") -> list[dg.AssetCheckResult]:
    """The results of one run, in the order of the specs."""
    counts = {
        "rows_in": result.rows_in,
        "validated": result.validated,
        "quarantined": result.quarantined,
        "repeats": result.repeats,
    }
    share = {"quarantined_share": result.quarantined_share, "allowed_share": result.allowed_share}
    return [
        dg.AssetCheckResult(check_name=CONSERVED, passed=result.conserved, metadata=counts),
        dg.AssetCheckResult(
            check_name=SHARE,
            passed=result.quarantined_share <= result.allowed_share,
            metadata=counts | share,
        ),
        *(_expectation_result(violations, result) for violations in result.violations),
    ]


def _expectation_result(
    violations: "RuleViolations", result: "ValidationResult"
) -> dg.AssetCheckResult:
    from retention_assets.validation.result import allowed_share_of

    counts = {"unexpected_count": violations.rows, "checked_count": violations.checked}
    metadata = counts | {
        "unexpected_percent": 100.0 * violations.share,
        "allowed_percent": 100.0 * allowed_share_of(violations.checked, result.max_share),
    }
    if violations.rows:
        metadata |= {
            "sample": dg.MetadataValue.text(str(violations.example)),
            "source_file": str(violations.source_file),
        }
    return dg.AssetCheckResult(
        check_name=violations.rule.name,
        passed=result.suite_results[violations.rule.name],
        metadata=metadata,
    )


def _promise(rule: Rule) -> str:
    column = rule.arguments["column"]
    return f"{rule.expectation} on {column}. Rows that break it are quarantined: {rule.reason}."


def data_is_current(platform: Platform) -> dg.AssetChecksDefinition:
    """How old the data is. A FreshnessPolicy only knows when it was last processed."""

    @dg.asset_check(
        asset=asset_key(keys.WATERMARK),
        name="data_is_current",
        description="The newest validated day is close to the newest possible day: yesterday for "
        "a live source, the last day of the files for one that has ended.",
    )
    def _data_is_current(context: dg.AssetCheckExecutionContext, lake: Lake) -> dg.AssetCheckResult:
        from retention_assets.validation.watermark import lag_days, read_watermark

        watermark = read_watermark(lake.read)
        newest = newest_existing_day(platform, context)
        lag = lag_days(watermark, newest or watermark, platform.settings.as_of)
        metadata = {"watermark": str(watermark), "newest_day": str(newest), "lag_days": lag}
        return dg.AssetCheckResult(
            passed=lag <= platform.settings.max_data_age_days, metadata=metadata
        )

    return _data_is_current


def labels_keep_up(platform: Platform) -> dg.AssetChecksDefinition:
    """A check on validated/watermark that warns when labels wait for the table that says who left.

    A table may be quiet for as long as others wait for it before they close its days.
    """

    @dg.asset_check(
        asset=asset_key(keys.WATERMARK),
        name="labels_keep_up",
        description="The table that says who left is delivered as far as the others. If its files "
        "stop, no further week gets labels.",
    )
    def _labels_keep_up(lake: Lake) -> dg.AssetCheckResult:
        (row,) = lake.read(keys.WATERMARK).collect()
        lag = (row["watermark"] - row["labels_through"]).days
        return dg.AssetCheckResult(
            passed=lag <= platform.settings.patience_days,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={
                "table": CHURN_TABLE[platform.profile.churn.kind],
                "labels_through": str(row["labels_through"]),
                "lag_days": lag,
            },
        )

    return _labels_keep_up


def newest_existing_day(platform: Platform, context: dg.AssetCheckExecutionContext) -> date | None:
    """The day before this run was created for a live source, else the newest day of the files."""
    from retention_assets.sources.source_files import newest_day, source_files

    if not platform.profile.live:
        return newest_day(platform.profile, source_files(platform.profile))
    record = context.instance.get_run_record_by_id(context.run.run_id)
    return record.create_timestamp.date() - timedelta(days=1) if record else None
