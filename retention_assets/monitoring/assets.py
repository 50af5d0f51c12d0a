"""monitoring/*: the drift report and the retraining decision, as Dagster assets.

What counts as drift is in drift.py, when to retrain in retraining.py.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg

from retention_assets import keys
from retention_assets.features.availability import available_features, definition_of_features
from retention_assets.features.declarations import FEATURES
from retention_assets.modeling.candidates.declared import CANDIDATES
from retention_assets.modeling.task import Task
from retention_assets.monitoring.checks import failed_checks, no_feature_drift
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import asset_key, png, rows_as_table, table_metadata
from retention_assets.resources.registry import ModelVersion, Registry
from retention_assets.sources.contracts import TABLES
from retention_assets.training.champion.period_ledger import PeriodLedger
from retention_assets.training.champion.promotion import TEST_FIGURE, reads_other_features
from retention_assets.training.checks import audit_specs
from retention_assets.training.task import churn_examples, churn_task
from retention_assets.validation.checks import check_specs

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from retention_assets.monitoring.retraining import RealizedFigures
    from retention_assets.monitoring.samples import Samples
    from serve.model.scorer import Scorer

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
    (
        "score_shift",
        "double",
        "Mean change of the champion's probabilities by this drift; null without drift, and where "
        "the champion reads features that are gone.",
    ),
    ("matters", "boolean", "Whether the drift asks for another recipe."),
    ("champion", "string", "Version of the model whose training is compared."),
)
DECISION_COLUMNS = (
    ("watermark", "date", "Last closed day of the data."),
    ("action", "string", "search (train all candidates), refit (the champion's recipe), or none."),
    ("reason", "string", "Why, in one sentence."),
    ("new_customers", "bigint", "Customers with labels that the last training did not have."),
    ("days_since_training", "bigint", "Days of labeled data since the last training."),
    ("untested_weeks", "bigint", "Labeled weeks since the last spent test period."),
    (
        "drifted_features",
        "array<string>",
        "Features whose drift moves the champion's probabilities, the largest shift first.",
    ),
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
    inputs = [item for item in available if item.is_model_input]
    names = [item.name for item in inputs]
    monitored = {item.name for item in inputs if item.monitored}
    tables = sorted({keys.customer_features(item.group) for item in inputs})

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
        from retention_assets.monitoring.score_shift import report_of

        champion = registry.champion(keys.CHURN)
        sample = Samples({}, {})
        if champion:
            sample = drift_samples(
                lake.read,
                tables=tables,
                features=names,
                trained_through=_trained_through(champion),
            )
        rows = compare(
            {name: values for name, values in sample.reference.items() if name in monitored},
            sample.current,
            alpha=settings.drift_alpha,
            min_effect=settings.drift_min_effect,
        )
        version = champion.version if champion else None
        drifted = [row.feature for row in rows if row.drifted]
        shifts = _score_shifts(champion, registry, sample, drifted)
        reports = [
            report_of(row, shifts.get(row.feature), settings.drift_min_score_shift)
            | {"champion": version}
            for row in rows
        ]
        records = [tuple(report.values()) for report in reports]
        frame = lake.spark.createDataFrame(records, _schema(DRIFT_COLUMNS))
        count = lake.overwrite(keys.FEATURE_DRIFT, frame)
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
                "features": rows_as_table(reports),
            }
        return dg.MaterializeResult(metadata=metadata)

    return feature_drift


def _retraining_decision(platform: Platform) -> dg.AssetsDefinition:
    settings = platform.settings
    task = churn_task(settings, platform.profile)
    features = definition_of_features(platform.profile.tables)
    data_checks = {
        spec.key
        for name, table in TABLES.items()
        if platform.profile.has(name)
        for spec in check_specs(table, platform.profile.start)
    } | {spec.key for spec in audit_specs()}
    candidates = [keys.churn_candidate(candidate.name) for candidate in CANDIDATES]
    inputs = (
        keys.FEATURE_DRIFT,
        keys.CHURN_EXAMPLES,
        keys.CHURN_CHAMPION,
        keys.TEST_PERIODS,
        keys.WATERMARK,
    )

    @dg.asset(
        key=asset_key(keys.RETRAINING_DECISION),
        pool=keys.RETRAINING_DECISION,
        deps=[asset_key(name) for name in inputs],
        kinds={"python", "deltalake"},
        group_name="monitoring",
        owners=OWNERS,
    )
    def retraining_decision(
        context: dg.AssetExecutionContext, lake: Lake, registry: Registry
    ) -> dg.MaterializeResult:
        """Whether to search for a better recipe, to refit the champion's, or neither, and why: from
        failed data checks, drift, the champion on new weeks, untested weeks and new labels.
        """
        from retention_assets.monitoring.evidence import read_evidence
        from retention_assets.monitoring.retraining import decide_retraining
        from retention_assets.training.weeks import read_known
        from retention_assets.validation.watermark import read_watermark

        read = partial(read_known, read=lake.read, as_of=settings.as_of)
        champion = registry.champion(keys.CHURN)
        spent = PeriodLedger(lake.root).spent(keys.CHURN)
        evidence = read_evidence(
            read,
            [key for key in candidates if lake.exists(key)],
            failed_checks(context.instance, data_checks),
            trained_through=_trained_through(champion) if champion else None,
            tested_through=spent[-1].last_as_of if spent else None,
        )
        if champion:
            evidence = replace(
                evidence,
                has_other_features=reads_other_features(champion, features),
                realized=_realized(champion, registry, read, task),
                test_weeks=settings.test_weeks,
            )
        decision = decide_retraining(evidence, settings)
        context.log.info(decision.reason)
        watermark = read_watermark(lake.read)
        row = (
            watermark,
            decision.action,
            decision.reason,
            evidence.new_customers,
            evidence.days_since_training,
            evidence.untested_weeks,
            list(evidence.drifted_features),
            list(evidence.failed_checks),
        )
        frame = lake.spark.createDataFrame([row], _schema(DECISION_COLUMNS))
        count = lake.overwrite(keys.RETRAINING_DECISION, frame)
        descriptions = _descriptions(DECISION_COLUMNS)
        metadata: dict[str, Any] = {
            "action": decision.action,
            "reason": decision.reason,
            "new_customers": evidence.new_customers,
            "watermark": str(watermark),
        }
        if evidence.realized:
            metadata |= {
                f"champion_{name}": value for name, value in vars(evidence.realized).items()
            }
        return dg.MaterializeResult(
            metadata=table_metadata(frame.schema, count, descriptions=descriptions) | metadata
        )

    return retraining_decision


def _trained_through(champion: ModelVersion) -> date:
    """The newest labeled week that the champion has learned from."""
    return date.fromisoformat(champion.tags["trained_through"])


def _realized(
    champion: ModelVersion, registry: Registry, read: Callable[[str], "DataFrame"], task: Task
) -> "RealizedFigures | None":
    """The champion on the weeks that matured after its training, beside its recorded test."""
    from retention_assets.monitoring.evidence import realized_figures, weeks_after

    recorded = champion.tags.get(f"{TEST_FIGURE}auc")
    if recorded is None:
        return None
    new = weeks_after(read(keys.CHURN_EXAMPLES), _trained_through(champion)).toArrow()
    if not new.num_rows:
        return None
    scorer = _scorer(champion, registry)
    return realized_figures(scorer, churn_examples(new), float(recorded), task)


def _score_shifts(
    champion: ModelVersion | None, registry: Registry, sample: "Samples", drifted: list[str]
) -> dict[str, float | None]:
    """How far the drift of each of these features moves the champion's probabilities."""
    from retention_assets.monitoring.score_shift import score_shifts

    if champion is None or not drifted:
        return {}
    reference = {name: sample.reference[name] for name in drifted}
    return score_shifts(_scorer(champion, registry), sample.current, reference)


def _scorer(champion: ModelVersion, registry: Registry) -> "Scorer":
    from serve.model.bundle import load_bundle

    folder = registry.download(champion.task, champion.version, registry.downloads)
    return load_bundle(folder, champion.digest)
