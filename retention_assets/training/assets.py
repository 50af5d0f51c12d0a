"""training/*: labeled examples, candidates, their leaderboard, and the champion."""

from collections.abc import Sequence
from datetime import timedelta

import dagster as dg

from retention_assets import keys
from retention_assets.errors import NotTrainableError
from retention_assets.ingestion.assets import days_of
from retention_assets.modeling.candidates.declared import Candidate
from retention_assets.modeling.evaluation.candidate_evaluation import evaluate_candidate
from retention_assets.modeling.pipeline import evaluate_fold
from retention_assets.modeling.search import search
from retention_assets.modeling.task import Task
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
from retention_assets.services.ray_tasks import on_cluster
from retention_assets.sources.ledger import Ledger
from retention_assets.training.champion.assets import churn_champion, test_periods
from retention_assets.training.champion.update import read_records
from retention_assets.training.checks import contact_weights_average_one, leak_audit
from retention_assets.training.columns import (
    LEADERBOARD,
    SCORES,
    example_descriptions,
    example_lineage,
)
from retention_assets.training.filled_weeks import FILLED_WEEKS, with_filled
from retention_assets.training.model_card.provenance import (
    example_inputs,
)
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

OWNERS = ["team:ml"]
SEARCH_JOURNAL = "search.log"  # beside the candidate's model folder
TRAINED = "The candidate can be fitted. The others are compared without one that cannot."


def assets(platform: Platform) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """The stage's assets for one source."""
    task = churn_task(platform.settings, platform.profile)
    scored = [asset_key(keys.churn_candidate(item.name)) for item in task.candidates]
    return [
        _examples(platform),
        leak_audit(platform),
        *(_candidate(platform, task, item) for item in task.candidates),
        _leaderboard(platform, task, scored),
        churn_champion(platform, scored),
        test_periods(),
        *([contact_weights_average_one()] if platform.profile.has("campaign_contacts") else []),
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


def _candidate(platform: Platform, task: Task, candidate: Candidate) -> dg.AssetsDefinition:
    settings = platform.settings
    key = keys.churn_candidate(candidate.name)

    @dg.asset(
        key=asset_key(key),
        pool=key,
        deps=[asset_key(keys.CHURN_EXAMPLES)],
        check_specs=[dg.AssetCheckSpec(keys.TRAINED, asset=asset_key(key), description=TRAINED)],
        kinds=set(candidate.icons),
        group_name="training",
        owners=OWNERS,
        description=f"{candidate.meaning} Its parameters are searched on the folds; then it is "
        "trained, calibrated, and scored once on the last weeks.",
    )
    def churn_candidate(
        context: dg.AssetExecutionContext, lake: Lake, registry: Registry
    ) -> dg.MaterializeResult:
        from retention_assets.modeling.plots import candidate_figure, search_figure
        from retention_assets.training.record import (
            record_evaluation,
            record_search,
            record_untrained,
        )
        from retention_assets.training.weeks import arrow_reader

        data = churn_examples(arrow_reader(lake.read, settings.as_of)(keys.CHURN_EXAMPLES))
        folder = registry.staging(candidate.name)
        split = churn_split(data, task)
        journal = folder.parent / SEARCH_JOURNAL
        address = settings.ray_address
        evaluate = on_cluster(evaluate_fold, address) if address else evaluate_fold
        try:
            result = search(candidate, data, split.folds, task, journal=journal, evaluate=evaluate)
            evaluation = evaluate_candidate(
                result.best, data, split=split, task=task, folder=folder
            )
        except NotTrainableError as error:
            context.log.exception(f"{candidate.name} cannot be trained.")
            record_untrained(folder, error.problem)
            schema = ", ".join(f"{name} {kind}" for name, kind in SCORE_COLUMNS)
            rows = lake.overwrite(key, lake.spark.createDataFrame([], schema))
            return dg.MaterializeResult(
                metadata=table_metadata(SCORE_COLUMNS, rows, descriptions=SCORES),
                check_results=[_trained_check(str(error))],
            )
        figure = candidate_figure(evaluation.test.y, evaluation.p, candidate.name, task.words)
        search_curve = search_figure(result)
        tags = {"candidate": candidate.name, "digest": evaluation.digest}
        with registry.run(context, f"churn_{candidate.name}", tags) as tracker:
            record_search(tracker, result, search_curve)
            record = record_evaluation(
                tracker, registry.log_bundle, evaluation, folder, figure, chosen_on=split.chosen_on
            )
        rows = lake.overwrite(key, lake.spark.createDataFrame(score_table(evaluation)))
        metadata = {
            "train_rows": evaluation.train_rows,
            "mlflow_run": record["run_id"],
            "mlflow": dg.MetadataValue.url(f"{settings.mlflow_pages}/#/runs/{record['run_id']}"),
            "digest": evaluation.digest,
            "curves": png(figure),
            "parameters": dg.MetadataValue.json(dict(result.best.params)),
        }
        if result.trials:
            metadata |= {"search": png(search_curve)} | result.figures
        return dg.MaterializeResult(
            metadata=table_metadata(SCORE_COLUMNS, rows, descriptions=SCORES)
            | metadata
            | evaluation.figures(),
            check_results=[_trained_check()],
        )

    return churn_candidate


def _trained_check(reason: str = "") -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=keys.TRAINED,
        passed=not reason,
        severity=dg.AssetCheckSeverity.WARN,
        description=reason or None,
    )


def _leaderboard(
    platform: Platform, task: Task, scored: Sequence[dg.AssetKey]
) -> dg.AssetsDefinition:
    settings = platform.settings

    @dg.asset(
        key=asset_key(keys.CHURN_LEADERBOARD),
        pool=keys.CHURN_LEADERBOARD,
        deps=[asset_key(keys.CHURN_EXAMPLES), *scored],
        kinds={"table", "deltalake"},
        group_name="training",
        owners=OWNERS,
    )
    def churn_leaderboard(lake: Lake, registry: Registry) -> dg.MaterializeResult:
        """Candidates and baselines on the same untouched weeks, by profit, with intervals."""
        import pyarrow as pa

        from retention_assets.modeling.plots import leaderboard_figure
        from retention_assets.training.weeks import arrow_reader

        read = arrow_reader(lake.read, settings.as_of)
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
