"""monitoring/*: the drift report and the retraining decision, as Dagster assets.

What counts as drift is in drift.py, when to retrain in retraining.py.
"""

from datetime import date
from functools import partial

import dagster as dg

from retention_assets import keys
from retention_assets.features.availability import available_features
from retention_assets.features.declarations import FEATURES
from retention_assets.modeling.candidates.declared import CANDIDATES
from retention_assets.monitoring.checks import failed_checks, no_feature_drift
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import asset_key, png, rows_as_table, table_metadata
from retention_assets.resources.registry import Registry
from retention_assets.sources.contracts import TABLES
from retention_assets.validation.checks import check_specs

OWNERS = ["team:ml"]
# Column, Spark type, meaning.
DRIFT_COLUMNS = (
    ("feature", "string", "Name of the feature."),
    ("n_reference", "bigint", "Customers in the champion's last training week."),
    ("n_current", "bigint", "Customers today who can still leave."),
    ("unknown_reference", "double", "Share of unknown values in training."),
    ("unknown_current", "double", "Share of unknown values today."),
    ("statistic", "double", "Kolmogorov-Smirnov distance of the two distributions."),
    ("critical", "double", "Distance that chance alone exceeds with the report's error rate."),
    ("p_value", "double", "p-value, adjusted by Holm for the number of features."),
    ("effect", "double", "Size of the shift, in standard deviations of the training sample."),
    ("drifted", "boolean", "Whether the shift is both significant and large enough to count."),
    ("champion", "string", "Version of the model whose training is compared."),
)
DECISION_COLUMNS = (
    ("watermark", "date", "Last closed day of the data."),
    ("retrain", "boolean", "Whether to train again."),
    ("reason", "string", "Why, in one sentence."),
    ("new_labels", "bigint", "Labels that have matured since the last training."),
    ("days_since_training", "bigint", "Days of labeled data since the last training."),
    ("drifted_features", "array<string>", "Features that have drifted, the largest shift first."),
    ("failed_checks", "array<string>", "Data checks whose latest evaluation failed."),
)


def assets(platform: Platform) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """The stage's assets for one source."""
    return [_feature_drift(platform), no_feature_drift(), _retraining_decision(platform)]


def _schema(columns: tuple[tuple[str, str, str], ...]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind, _ in columns)


def _descriptions(columns: tuple[tuple[str, str, str], ...]) -> dict[str, str]:
    return {name: meaning for name, _, meaning in columns}


def _feature_drift(platform: Platform) -> dg.AssetsDefinition:
    settings = platform.settings
    available = available_features(FEATURES, platform.profile.tables)
    compared = [item for item in available if item.monitored and item.model_input]
    names = [item.name for item in compared]
    tables = sorted({keys.customer_features(item.group) for item in compared})

    @dg.asset(
        key=asset_key(keys.FEATURE_DRIFT),
        pool=keys.FEATURE_DRIFT,
        deps=[asset_key(name) for name in (*tables, keys.CUSTOMER_STATE, keys.CHURN_CHAMPION)],
        kinds={"numpy", "deltalake", "matplotlib"},
        group_name="monitoring",
        owners=OWNERS,
    )
    def feature_drift(lake: Lake, registry: Registry) -> dg.MaterializeResult:
        """Compares each feature's distribution today with the one in the champion's training."""
        from retention_assets.monitoring.drift import compare
        from retention_assets.monitoring.pictures import heat_map
        from retention_assets.monitoring.samples import Samples, drift_samples

        champion = registry.champion(keys.CHURN)
        sample = Samples({}, {})
        if champion:
            through = date.fromisoformat(champion.tags["trained_through"])
            sample = drift_samples(
                lake.read, tables=tables, features=names, trained_through=through
            )
        rows = compare(
            sample.reference,
            sample.current,
            alpha=settings.drift_alpha,
            min_effect=settings.drift_min_effect,
        )
        version = champion.version if champion else None
        records = [(*vars(row).values(), version) for row in rows]
        frame = lake.spark.createDataFrame(records, _schema(DRIFT_COLUMNS))
        count = lake.overwrite(keys.FEATURE_DRIFT, frame)
        drifted = [row.feature for row in rows if row.drifted]
        metadata = table_metadata(
            frame.schema, count, descriptions=_descriptions(DRIFT_COLUMNS)
        ) | {
            "drifted": bool(drifted),
            "drifted_features": drifted,
            "champion": version or "none yet",
        }
        if rows:
            metadata |= {
                "heat_map": png(heat_map(rows, sample.reference, sample.current)),
                "features": rows_as_table(map(vars, rows)),
            }
        return dg.MaterializeResult(metadata=metadata)

    return feature_drift


def _retraining_decision(platform: Platform) -> dg.AssetsDefinition:
    data_checks = {
        spec.key
        for name, table in TABLES.items()
        if platform.profile.has(name)
        for spec in check_specs(table, platform.profile.start)
    }
    candidates = [keys.churn_candidate(candidate.name) for candidate in CANDIDATES]
    inputs = (keys.FEATURE_DRIFT, keys.CHURN_EXAMPLES, keys.CHURN_CHAMPION, keys.WATERMARK)

    @dg.asset(
        key=asset_key(keys.RETRAINING_DECISION),
        pool=keys.RETRAINING_DECISION,
        deps=[asset_key(name) for name in inputs],
        kinds={"python", "deltalake"},
        group_name="monitoring",
        owners=OWNERS,
    )
    def retraining_decision(context: dg.AssetExecutionContext, lake: Lake) -> dg.MaterializeResult:
        """Whether to train again, and why: from failed data checks, days since the last training,
        drift and newly matured labels.
        """
        from retention_assets.monitoring.evidence import read_evidence
        from retention_assets.monitoring.retraining import decide_retraining
        from retention_assets.training.weeks import read_known

        existing = [key for key in candidates if lake.exists(key)]
        failed = failed_checks(context.instance, data_checks)
        read = partial(read_known, read=lake.read, as_of=platform.settings.as_of)
        watermark, evidence = read_evidence(read, existing, failed)
        decision = decide_retraining(evidence, platform.settings)
        context.log.info(decision.reason)
        row = (
            watermark,
            decision.retrain,
            decision.reason,
            evidence.new_labels,
            evidence.days_since_training,
            list(evidence.drifted_features),
            list(evidence.failed_checks),
        )
        frame = lake.spark.createDataFrame([row], _schema(DECISION_COLUMNS))
        count = lake.overwrite(keys.RETRAINING_DECISION, frame)
        descriptions = _descriptions(DECISION_COLUMNS)
        return dg.MaterializeResult(
            metadata=table_metadata(frame.schema, count, descriptions=descriptions)
            | {
                "retrain": decision.retrain,
                "reason": decision.reason,
                "new_labels": evidence.new_labels,
                "watermark": str(watermark),
            }
        )

    return retraining_decision
