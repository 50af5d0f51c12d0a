"""Checks of monitoring/*: what a person should look at. They warn and block nothing."""

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from retention_assets.keys import FEATURE_DRIFT
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import asset_key


def no_feature_drift() -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset_key(FEATURE_DRIFT),
        description="No feature has changed significantly and by more than the smallest shift"
        " that counts.",
    )
    def no_feature_drift(lake: Lake) -> dg.AssetCheckResult:
        rows = lake.read(FEATURE_DRIFT).where("drifted").collect()
        drifted = sorted(row["feature"] for row in rows)
        return dg.AssetCheckResult(
            passed=not drifted,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"drifted": ", ".join(drifted) or "none"},
        )

    return no_feature_drift


def failed_checks(instance: dg.DagsterInstance, checks: set[dg.AssetCheckKey]) -> list[str]:
    """Names of the checks whose latest evaluation failed. A check that never ran did not fail."""
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(checks))
    failed = [
        key
        for key, record in latest.items()
        if record.status == AssetCheckExecutionRecordStatus.FAILED
    ]
    return sorted(f"{key.asset_key.to_user_string()}: {key.name}" for key in failed)
