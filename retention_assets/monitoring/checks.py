"""Checks of this stage: what a person should look at. They warn; nothing is held back by them."""

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from retention_assets.resources.lake import Lake

DRIFT = dg.AssetKey(["monitoring", "feature_drift"])


def no_feature_drift() -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=DRIFT,
        description="No feature has moved, with certainty and by more than the smallest shift of note.",
    )
    def no_feature_drift(lake: Lake) -> dg.AssetCheckResult:
        drifted = [
            row["feature"]
            for row in lake.read("monitoring/feature_drift").where("drifted").collect()
        ]
        return dg.AssetCheckResult(
            passed=not drifted,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"drifted": ", ".join(sorted(drifted)) or "none"},
        )

    return no_feature_drift


def failed_checks(instance: dg.DagsterInstance, keys: set[dg.AssetCheckKey]) -> list[str]:
    """Those of the checks whose latest evaluation failed, by name. A check that never ran has not failed."""
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(keys))
    failed = [
        key
        for key, record in latest.items()
        if record.status == AssetCheckExecutionRecordStatus.FAILED
    ]
    return sorted(f"{key.asset_key.to_user_string()}: {key.name}" for key in failed)
