"""training/churn_champion and the ledger of test periods as Dagster assets."""

from collections.abc import Mapping, Sequence
from functools import partial

import dagster as dg
import numpy as np

from retention_assets import keys
from retention_assets.features.availability import definition_of_features
from retention_assets.modeling.promotion.evidence import GateResult
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import (
    asset_key,
    png,
    rows_as_table,
    table_metadata,
)
from retention_assets.resources.registry import Registry
from retention_assets.training.champion.period_ledger import PERIOD_COLUMNS, PeriodLedger, shown
from retention_assets.training.champion.promotion import PromotionResult
from retention_assets.training.champion.update import update_champion
from retention_assets.training.columns import GATES
from retention_assets.training.model_card.page import champion_page
from retention_assets.training.model_card.provenance import read_provenance, tables_of_model
from retention_assets.training.task import churn_task

OWNERS = ["team:ml"]
REFIT_MEANING = (
    "The model that was fitted again on all labeled weeks agrees with the one that the untouched "
    "weeks tested; otherwise it is not served."
)


def churn_champion(platform: Platform, scored: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    """The champion of one source. `scored`: the candidates' assets."""
    settings = platform.settings
    task = churn_task(settings, platform.profile)
    features = definition_of_features(platform.profile.tables)
    tables = tables_of_model(platform.profile, task)
    key = asset_key(keys.CHURN_CHAMPION)

    @dg.asset(
        key=key,
        pool=keys.CHURN_CHAMPION,
        deps=[asset_key(keys.CHURN_LEADERBOARD), asset_key(keys.CHURN_EXAMPLES), *scored],
        kinds={"mlflow", "table"},
        group_name="training",
        owners=OWNERS,
        check_specs=[
            *(
                dg.AssetCheckSpec(item.name, asset=key, description=item.meaning)
                for item in task.gates
            ),
            dg.AssetCheckSpec(keys.REFIT_AGREES, asset=key, description=REFIT_MEANING),
        ],
    )
    def champion(
        context: dg.AssetExecutionContext, lake: Lake, registry: Registry
    ) -> dg.MaterializeResult:
        """The model in use: the challenger's recipe if it passes every gate, else the current one,
        fitted on all labeled weeks.
        """
        import pyarrow as pa

        from retention_assets.modeling.plots import leaderboard_figure
        from retention_assets.training.weeks import arrow_reader

        read = arrow_reader(lake.read, settings.as_of)
        ledger = PeriodLedger(lake.root)
        result = update_champion(
            read,
            registry,
            task,
            features=features,
            start_run=partial(registry.run, context),
            ledger=ledger,
            provenance=read_provenance(lake.root, tables, lake.definitions),
        )
        context.log.info(f"{result.decision.reason} {result.refit_reason}")
        frame = lake.spark.createDataFrame(pa.Table.from_pylist(result.stored_rows()))
        rows = lake.overwrite(keys.CHURN_CHAMPION, frame)
        metadata = {
            "profit_assumes_that": task.utility.assumption,
            "gates": rows_as_table(result.gate_rows()),
            "test_periods": rows_as_table(map(shown, ledger.spent(task.name))),
            "curves": png(leaderboard_figure(result.comparison)),
        }
        if result.champion:
            model = registry.model_name(task.name)
            page = f"{settings.mlflow_pages}/#/models/{model}/versions/{result.champion.version}"
            metadata |= {"mlflow": dg.MetadataValue.url(page)} | champion_page(registry, task.name)
        return dg.MaterializeResult(
            metadata=table_metadata(frame.schema, rows, descriptions=GATES)
            | metadata
            | result.summary(),
            check_results=[
                *(_gate_check(key, gate) for gate in result.decision.gates),
                _refit_check(key, result),
            ],
        )

    return champion


def test_periods() -> dg.AssetsDefinition:
    """training/test_periods. The champion adds rows when it is tested; this asset shows them."""

    @dg.asset(
        key=asset_key(keys.TEST_PERIODS),
        pool=keys.TEST_PERIODS,
        deps=[asset_key(keys.CHURN_CHAMPION)],
        kinds={"table", "deltalake"},
        group_name="training",
        owners=OWNERS,
    )
    def spent_periods(lake: Lake) -> dg.MaterializeResult:
        """The ledger of spent test periods: which weeks tested which challenger against which
        champion, with what result. The next period opens when as many new weeks have matured.
        """
        spent = PeriodLedger(lake.root).spent(keys.CHURN)
        columns = [(name, kind) for name, (kind, _) in PERIOD_COLUMNS.items()]
        meanings = {name: meaning for name, (_, meaning) in PERIOD_COLUMNS.items()}
        return dg.MaterializeResult(
            metadata=table_metadata(columns, len(spent), descriptions=meanings)
            | {"periods": rows_as_table(map(shown, spent))}
        )

    return spent_periods


def _check(
    key: dg.AssetKey, name: str, *, passed: bool, reason: str, figures: Mapping[str, float]
) -> dg.AssetCheckResult:
    """A check that warns: a failure keeps a model from being served, and stops nothing else."""
    return dg.AssetCheckResult(
        passed=passed,
        check_name=name,
        asset_key=key,
        severity=dg.AssetCheckSeverity.WARN,
        description=reason,
        metadata={name: value for name, value in figures.items() if np.isfinite(value)},
    )


def _gate_check(key: dg.AssetKey, gate: GateResult) -> dg.AssetCheckResult:
    return _check(key, gate.name, passed=gate.passed, reason=gate.reason, figures=gate.figures)


def _refit_check(key: dg.AssetKey, result: PromotionResult) -> dg.AssetCheckResult:
    figures = vars(result.refit.agreement) if result.refit else {}
    passed = result.refit_agrees
    reason = result.refit_reason
    return _check(key, keys.REFIT_AGREES, passed=passed, reason=reason, figures=figures)
