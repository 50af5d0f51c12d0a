"""training/*: labeled examples, candidates, their leaderboard, and the champion."""

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import dagster as dg
import numpy as np

from retention_assets import keys
from retention_assets.features.availability import definition_of_features
from retention_assets.ingestion.assets import days_of
from retention_assets.modeling.candidates.declared import CANDIDATES, Candidate
from retention_assets.modeling.evaluation.candidate_evaluation import evaluate_candidate
from retention_assets.modeling.promotion.evidence import GateResult
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import (
    asset_key,
    png,
    report_partitions,
    rows_as_table,
    table_metadata,
)
from retention_assets.resources.registry import Registry
from retention_assets.settings import Settings
from retention_assets.sources.ledger import Ledger
from retention_assets.training.champion import read_records, update_champion
from retention_assets.training.columns import (
    GATES,
    LEADERBOARD,
    SCORES,
    example_descriptions,
    example_lineage,
)
from retention_assets.training.filled_weeks import FILLED_WEEKS, with_filled
from retention_assets.training.model_page import champion_page
from retention_assets.training.period_ledger import PERIOD_COLUMNS, PeriodLedger, shown
from retention_assets.training.promotion import PromotionResult
from retention_assets.training.provenance import example_inputs, read_provenance, tables_of_model
from retention_assets.training.task import (
    SCORE_COLUMNS,
    churn_examples,
    churn_split,
    churn_task,
    churn_window,
    compare_candidates,
    matured_mondays,
    score_table,
)

if TYPE_CHECKING:
    import pyarrow as pa

OWNERS = ["team:ml"]
REFIT_MEANING = (
    "The model that was fitted again on all labeled weeks agrees with the one that the untouched "
    "weeks tested; otherwise it is not served."
)
SCORED = [asset_key(keys.churn_candidate(item.name)) for item in CANDIDATES]


def assets(platform: Platform) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """The stage's assets for one source."""
    candidates = [_candidate(platform, candidate) for candidate in CANDIDATES]
    return [
        _examples(platform),
        *candidates,
        _leaderboard(platform),
        _champion(platform),
        _spent_periods(),
    ]


def _examples(platform: Platform) -> dg.AssetsDefinition:
    settings = platform.settings
    profile = platform.profile

    @dg.asset(
        key=asset_key(keys.CHURN_EXAMPLES),
        pool=keys.CHURN_EXAMPLES,
        deps=[asset_key(name) for name in example_inputs(profile)],
        kinds={"spark", "deltalake"},
        partitions_def=platform.partitions.weekly,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="training",
        owners=OWNERS,
    )
    def weekly_churn_examples(
        context: dg.AssetExecutionContext, lake: Lake
    ) -> dg.MaterializeResult:
        """Features of each customer who can leave on an as-of day, and who has left after it."""
        from retention_assets.training.weeks import read_deliveries, rows_by_week, weekly_examples
        from retention_assets.validation.watermark import read_labels_through

        first, last = days_of(context)
        through = read_labels_through(lake.read)
        matured = matured_mondays(profile, settings, through)
        weeks = [monday for monday in matured if first <= monday <= last]
        files = read_deliveries(lake.read, profile, Ledger(settings.lake_root).content())
        window = churn_window(settings, profile)
        frame = weekly_examples(lake.read, profile, window, weeks, files=files)
        sunday = last + timedelta(days=6)
        key = keys.CHURN_EXAMPLES
        filled = (
            None if lake.is_of_other_definition(key) else lake.table_property(key, FILLED_WEEKS)
        )
        rows = lake.replace_days(key, frame, "as_of", first=first, last=sunday)
        lake.set_table_property(key, FILLED_WEEKS, with_filled(filled, weeks, first, last))
        metadata = {
            "matured_weeks": len(weeks),
            "unmatured_weeks": len(context.partition_keys) - len(weeks),
            "labels_through": str(through),
        }
        columns = table_metadata(
            frame.schema,
            descriptions=example_descriptions(profile),
            lineage=example_lineage(profile),
        )
        report_partitions(context, key, rows_by_week(rows), columns | metadata)
        return dg.MaterializeResult()

    return weekly_churn_examples


def _candidate(platform: Platform, candidate: Candidate) -> dg.AssetsDefinition:
    settings = platform.settings
    key = keys.churn_candidate(candidate.name)
    task = churn_task(settings, platform.profile)

    @dg.asset(
        key=asset_key(key),
        pool=key,
        op_tags=keys.ONE_AT_A_TIME,
        deps=[asset_key(keys.CHURN_EXAMPLES)],
        kinds=set(candidate.icons),
        group_name="training",
        owners=OWNERS,
        description=f"{candidate.meaning} Trained, calibrated, and scored once on the last weeks.",
    )
    def churn_candidate(
        context: dg.AssetExecutionContext, lake: Lake, registry: Registry
    ) -> dg.MaterializeResult:
        from retention_assets.modeling.plots import candidate_figure
        from retention_assets.training.record import record_evaluation

        data = churn_examples(read_arrow(keys.CHURN_EXAMPLES, lake, settings))
        folder = registry.staging(candidate.name)
        split = churn_split(data, task)
        evaluation = evaluate_candidate(candidate, data, split=split, task=task, folder=folder)
        figure = candidate_figure(evaluation.test.y, evaluation.p, candidate.name, task.words)
        tags = {"candidate": candidate.name, "digest": evaluation.digest}
        with registry.run(context, f"churn_{candidate.name}", tags) as tracker:
            record = record_evaluation(
                tracker, registry.log_bundle, evaluation, folder, figure, chosen_on=split.chosen_on
            )
        rows = lake.overwrite(key, lake.spark.createDataFrame(score_table(evaluation)))
        metadata = {
            "train_rows": evaluation.train_rows,
            "mlflow_run": record["run_id"],
            "mlflow": dg.MetadataValue.url(f"{_mlflow(settings)}/#/runs/{record['run_id']}"),
            "digest": evaluation.digest,
            "curves": png(figure),
        }
        return dg.MaterializeResult(
            metadata=table_metadata(SCORE_COLUMNS, rows, descriptions=SCORES)
            | metadata
            | evaluation.figures()
        )

    return churn_candidate


def _mlflow(settings: Settings) -> str:
    """Address of MLflow's pages."""
    return f"http://{settings.host}:{settings.mlflow_port}"


def _leaderboard(platform: Platform) -> dg.AssetsDefinition:
    settings = platform.settings
    task = churn_task(settings, platform.profile)

    @dg.asset(
        key=asset_key(keys.CHURN_LEADERBOARD),
        pool=keys.CHURN_LEADERBOARD,
        deps=[asset_key(keys.CHURN_EXAMPLES), *SCORED],
        kinds={"table", "deltalake"},
        group_name="training",
        owners=OWNERS,
    )
    def churn_leaderboard(lake: Lake, registry: Registry) -> dg.MaterializeResult:
        """Candidates and baselines on the same untouched weeks, by profit, with intervals."""
        import pyarrow as pa

        from retention_assets.modeling.plots import leaderboard_figure

        read = partial(read_arrow, lake=lake, settings=settings)
        data = churn_examples(read(task.examples))
        records = read_records(registry, task)
        comparison = compare_candidates(data, read, task, records=records)
        rows = comparison.leaderboard()
        frame = lake.spark.createDataFrame(pa.Table.from_pylist(rows))
        count = lake.overwrite(keys.CHURN_LEADERBOARD, frame)
        metadata = {
            "profit_assumes_that": task.utility.assumption,
            "challenger": comparison.challenger,
            "chosen_on": comparison.chosen_on,
            "leaderboard": dg.MetadataValue.json(rows),
            "table": rows_as_table(rows),
            "curves": png(leaderboard_figure(comparison)),
        }
        columns = table_metadata(frame.schema, count, descriptions=LEADERBOARD)
        return dg.MaterializeResult(metadata=columns | metadata)

    return churn_leaderboard


def _champion(platform: Platform) -> dg.AssetsDefinition:
    settings = platform.settings
    task = churn_task(settings, platform.profile)
    features = definition_of_features(platform.profile.tables)
    tables = tables_of_model(platform.profile, task)
    key = asset_key(keys.CHURN_CHAMPION)

    @dg.asset(
        key=key,
        pool=keys.CHURN_CHAMPION,
        deps=[asset_key(keys.CHURN_LEADERBOARD), asset_key(keys.CHURN_EXAMPLES), *SCORED],
        kinds={"mlflow", "table"},
        group_name="training",
        owners=OWNERS,
        op_tags=keys.ONE_AT_A_TIME,
        check_specs=[
            *(
                dg.AssetCheckSpec(item.name, asset=key, description=item.meaning)
                for item in task.gates
            ),
            dg.AssetCheckSpec(keys.REFIT_AGREES, asset=key, description=REFIT_MEANING),
        ],
    )
    def churn_champion(
        context: dg.AssetExecutionContext, lake: Lake, registry: Registry
    ) -> dg.MaterializeResult:
        """The model in use: the challenger's recipe if it passes every gate, else the current one,
        fitted on all labeled weeks.
        """
        import pyarrow as pa

        from retention_assets.modeling.plots import leaderboard_figure

        read = partial(read_arrow, lake=lake, settings=settings)
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
            page = f"{_mlflow(settings)}/#/models/{model}/versions/{result.champion.version}"
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

    return churn_champion


def _spent_periods() -> dg.AssetsDefinition:
    """Rows are added by the champion, when it is tested; this one shows them."""

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


def read_arrow(key: str, lake: Lake, settings: Settings) -> "pa.Table":
    """A table of this stage, with the examples that were known at the as-of day."""
    from retention_assets.training.weeks import read_known

    return read_known(key, lake.read, settings.as_of).toArrow()


def _gate_check(key: dg.AssetKey, gate: GateResult) -> dg.AssetCheckResult:
    """A gate as an asset check. A failed gate stops a promotion, not what lies downstream."""
    return dg.AssetCheckResult(
        passed=gate.passed,
        check_name=gate.name,
        asset_key=key,
        severity=dg.AssetCheckSeverity.WARN,
        description=gate.reason,
        metadata={name: value for name, value in gate.figures.items() if np.isfinite(value)},
    )


def _refit_check(key: dg.AssetKey, result: PromotionResult) -> dg.AssetCheckResult:
    agreement = result.refit.agreement if result.refit else None
    return dg.AssetCheckResult(
        passed=result.refit_agrees,
        check_name=keys.REFIT_AGREES,
        asset_key=key,
        severity=dg.AssetCheckSeverity.WARN,
        description=result.refit_reason,
        metadata=vars(agreement) if agreement else {},
    )
