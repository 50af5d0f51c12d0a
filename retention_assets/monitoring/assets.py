"""monitoring/*: the drift report and the retraining decision, as Dagster assets.

What counts as drift is in drift.py, when to retrain in retraining.py. catalog/ has the catalog of
features, which shows the drift and the champion beside each feature.
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
from retention_assets.monitoring.catalog.assets import feature_catalog
from retention_assets.monitoring.champion_scorer import champion_scorer
from retention_assets.monitoring.checks import failed_checks, no_feature_drift
from retention_assets.monitoring.columns import (
    DECISION_COLUMNS,
    DRIFT_COLUMNS,
    descriptions_of,
    schema_of,
)
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

OWNERS = ["team:ml"]


def assets(platform: Platform) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """The stage's assets for one source."""
    return [
        _feature_drift(platform),
        no_feature_drift(),
        feature_catalog(platform),
        _retraining_decision(platform),
    ]


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
        frame = lake.spark.createDataFrame(records, schema_of(DRIFT_COLUMNS))
        count = lake.overwrite(keys.FEATURE_DRIFT, frame)
        metadata = table_metadata(
            frame.schema, count, descriptions=descriptions_of(DRIFT_COLUMNS)
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
        frame = lake.spark.createDataFrame([row], schema_of(DECISION_COLUMNS))
        count = lake.overwrite(keys.RETRAINING_DECISION, frame)
        descriptions = descriptions_of(DECISION_COLUMNS)
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
    scorer = champion_scorer(champion, registry)
    return realized_figures(scorer, churn_examples(new), float(recorded), task)


def _score_shifts(
    champion: ModelVersion | None, registry: Registry, sample: "Samples", drifted: list[str]
) -> dict[str, float | None]:
    """How far the drift of each of these features moves the champion's probabilities."""
    from retention_assets.monitoring.score_shift import score_shifts

    if champion is None or not drifted:
        return {}
    reference = {name: sample.reference[name] for name in drifted}
    return score_shifts(champion_scorer(champion, registry), sample.current, reference)
