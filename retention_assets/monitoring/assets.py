"""monitoring/*: the drift report and the retraining decision. The Dagster face; what counts as drift, and when to train,
stands in drift.py and retraining.py.
"""

from datetime import date

import dagster as dg

from retention_assets.features.availability import available_features
from retention_assets.features.declarations import FEATURES
from retention_assets.modeling.candidates.declared import CANDIDATES
from retention_assets.monitoring.checks import failed_checks, no_feature_drift
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import png, rows_as_table, table_metadata
from retention_assets.resources.registry import Registry
from retention_assets.sources.contracts import TABLES
from retention_assets.validation.checks import check_specs

DRIFT, DECISION, EXAMPLES = (
    "monitoring/feature_drift",
    "monitoring/retraining_decision",
    "training/churn_examples",
)
TASK = "churn"
OWNERS = ["team:ml"]
DRIFT_SCHEMA = (
    "feature string, n_reference bigint, n_current bigint, unknown_reference double, unknown_current double, statistic double,"
    " critical double, p_value double, effect double, drifted boolean, champion string"
)
DECISION_SCHEMA = (
    "watermark date, retrain boolean, reason string, new_labels bigint, days_since_training bigint,"
    " drifted_features array<string>, failed_checks array<string>"
)


def assets(platform: Platform) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """The stage's assets for one source."""
    return [_feature_drift(platform), no_feature_drift(), _retraining_decision(platform)]


def _key(name: str) -> dg.AssetKey:
    return dg.AssetKey.from_user_string(name)


def _feature_drift(platform: Platform) -> dg.AssetsDefinition:
    settings, profile = platform.settings, platform.profile
    compared = [
        item for item in available_features(FEATURES, profile.tables) if item.monitored and item.model_input
    ]
    tables = sorted({f"features/customer_{item.group}" for item in compared})

    @dg.asset(
        key=_key(DRIFT), deps=[_key(name) for name in (*tables, "training/churn_champion")],
        kinds={"numpy", "deltalake", "matplotlib"}, group_name="monitoring", owners=OWNERS,
    )  # fmt: skip
    def feature_drift(lake: Lake, registry: Registry) -> dg.MaterializeResult:
        """Which features no longer look as they did when the champion was trained, and how far each has moved."""
        from retention_assets.monitoring.drift import compare
        from retention_assets.monitoring.pictures import heat_map
        from retention_assets.monitoring.samples import Samples, samples

        champion, seen = registry.champion(TASK), Samples({}, {})
        if champion:
            through = date.fromisoformat(champion.tags["trained_through"])
            seen = samples(lake.read, profile, tables, [item.name for item in compared], through)
        rows = compare(
            seen.reference, seen.current, settings.drift_alpha, settings.drift_min_effect
        )
        version = champion.version if champion else None
        frame = lake.spark.createDataFrame(
            [(*vars(row).values(), version) for row in rows], DRIFT_SCHEMA
        )
        drifted = [row.feature for row in rows if row.drifted]
        said = {
            "drifted": bool(drifted),
            "drifted_features": drifted,
            "champion": version or "none yet",
        }
        if rows:
            said |= {
                "heat_map": png(heat_map(rows, seen.reference, seen.current)),
                "features": rows_as_table(map(vars, rows)),
            }
        return dg.MaterializeResult(
            metadata=table_metadata(frame.schema, lake.overwrite(DRIFT, frame)) | said
        )

    return feature_drift


def _retraining_decision(platform: Platform) -> dg.AssetsDefinition:
    guards = {
        spec.key
        for name, table in TABLES.items()
        if platform.profile.has(name)
        for spec in check_specs(table)
    }
    trained = [f"training/churn_{candidate.name}" for candidate in CANDIDATES]

    @dg.asset(
        key=_key(DECISION), deps=[_key(name) for name in (DRIFT, EXAMPLES, "training/churn_champion", "validated/watermark")],
        kinds={"python", "deltalake"}, group_name="monitoring", owners=OWNERS,
    )  # fmt: skip
    def retraining_decision(context: dg.AssetExecutionContext, lake: Lake) -> dg.MaterializeResult:
        """Whether to train again, and why: failing data checks, cool-down, drift, newly matured labels and age in one rule."""
        from retention_assets.monitoring.evidence import evidence
        from retention_assets.monitoring.retraining import decide

        finished = [key for key in trained if lake.exists(key)]
        watermark, seen = evidence(lake.read, finished, failed_checks(context.instance, guards))
        decision = decide(seen, platform.settings)
        context.log.info(decision.reason)
        row = (
            watermark,
            decision.retrain,
            decision.reason,
            seen.new_labels,
            seen.days_since_training,
        )
        frame = lake.spark.createDataFrame(
            [(*row, list(seen.drifted_features), list(seen.failed_checks))], DECISION_SCHEMA
        )
        said = {
            "retrain": decision.retrain,
            "reason": decision.reason,
            "new_labels": seen.new_labels,
            "watermark": str(watermark),
        }
        return dg.MaterializeResult(
            metadata=table_metadata(frame.schema, lake.overwrite(DECISION, frame)) | said
        )

    return retraining_decision
