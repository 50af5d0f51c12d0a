"""Check results of this stage: an outcome or a watermark in, Dagster's words out. What is broken is decided elsewhere."""

from datetime import date, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.sources.contracts import Table
from retention_assets.validation.rules import Rule, rules_of

if TYPE_CHECKING:
    from retention_assets.validation.outcome import Finding, Outcome

CONSERVED = "rows_in_equals_rows_out"
SHARE = "quarantined_share_below_threshold"


def check_specs(table: Table) -> list[dg.AssetCheckSpec]:
    """The blocking checks of a validated table: one for each expectation of its suite, and two on the split as a whole."""
    key = dg.AssetKey(["validated", table.name])

    def spec(name: str, description: str) -> dg.AssetCheckSpec:
        return dg.AssetCheckSpec(name, asset=key, description=description, blocking=True)

    return [
        spec(
            CONSERVED,
            "Every raw row is either validated or in quarantine: nothing is lost, nothing is doubled.",
        ),
        spec(SHARE, "No more rows than allowed went to quarantine."),
        *(spec(rule.name, _promise(rule)) for rule in rules_of(table)),
    ]


def check_results(outcome: "Outcome") -> list[dg.AssetCheckResult]:
    """The verdicts on one run, in the order of the specs."""
    counts = {
        "rows_in": outcome.rows_in,
        "validated": outcome.validated,
        "quarantined": outcome.quarantined,
    }
    share = {"quarantined_share": outcome.quarantined_share, "allowed_share": outcome.allowed_share}
    return [
        dg.AssetCheckResult(check_name=CONSERVED, passed=outcome.conserved, metadata=counts),
        dg.AssetCheckResult(
            check_name=SHARE,
            passed=outcome.quarantined_share <= outcome.allowed_share,
            metadata=counts | share,
        ),
        *(_expectation_result(finding, outcome) for finding in outcome.findings),
    ]


def _expectation_result(finding: "Finding", outcome: "Outcome") -> dg.AssetCheckResult:
    counts = {"unexpected_count": finding.rows, "judged_count": finding.judged}
    metadata = counts | {
        "unexpected_percent": 100.0 * finding.share,
        "allowed_percent": 100.0 * outcome.allowed_share,
    }
    if finding.rows:
        metadata |= {
            "sample": dg.MetadataValue.text(str(finding.example)),
            "source_file": str(finding.source_file),
        }
    return dg.AssetCheckResult(
        check_name=finding.rule.name, passed=outcome.verdicts[finding.rule.name], metadata=metadata
    )


def _promise(rule: Rule) -> str:
    return (
        f"{rule.expectation} on {rule.arguments['column']}; quarantined otherwise: {rule.reason}."
    )


def data_is_current(platform: Platform) -> dg.AssetChecksDefinition:
    """How old the data is, whenever it was last processed: FreshnessPolicy looks at the processing only."""

    @dg.asset_check(
        asset=dg.AssetKey(["validated", "watermark"]),
        name="data_is_current",
        description="The newest validated day is close to the newest day that there is: today where the source is live, "
        "the source's own last day where history is replayed.",
    )
    def _data_is_current(context: dg.AssetCheckExecutionContext, lake: Lake) -> dg.AssetCheckResult:
        from retention_assets.validation.watermark import lag_days

        watermark = lake.read("validated/watermark").collect()[0]["watermark"]
        newest = newest_day_there_is(platform, context)
        lag = lag_days(watermark, newest or watermark, platform.settings.as_of)
        metadata = {"watermark": str(watermark), "newest_day": str(newest), "lag_days": lag}
        return dg.AssetCheckResult(
            passed=lag <= platform.settings.max_data_age_days, metadata=metadata
        )

    return _data_is_current


def newest_day_there_is(platform: Platform, context: dg.AssetCheckExecutionContext) -> date | None:
    """For a live source the day before the one on which this run was made, else the newest day of the source's files."""
    from retention_assets.sources.arrivals import newest_day

    if not platform.profile.live:
        return newest_day(platform.profile)
    record = context.instance.get_run_record_by_id(context.run.run_id)
    return record.create_timestamp.date() - timedelta(days=1) if record else None
