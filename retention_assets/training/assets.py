"""training/*: labelled examples, four candidates, their leaderboard, and the champion. The Dagster face; no numbers here."""

import dagster as dg

from retention_assets import keys
from retention_assets.ingestion.assets import days_of
from retention_assets.modeling.candidates.declared import CANDIDATES, Candidate
from retention_assets.modeling.label_window import matured_mondays
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import (
    png,
    report_partitions,
    rows_as_table,
    table_metadata,
)
from retention_assets.resources.registry import Registry

EXAMPLES, LEADERBOARD, CHAMPION = (
    "training/churn_examples",
    "training/churn_leaderboard",
    "training/churn_champion",
)
# What each gate asks, as its asset check says it. A failed gate stops a promotion, not what lies downstream.
GATES = {
    "better_than_champion": "Earns more than today's champion on the same customers, by a paired interval.",
    "better_than_trivial_baselines": "Surely earns more than contacting nobody or anybody, and more than silence tells.",
    "has_signal": "Ranks customers better than chance would, however lucky.",
    "calibrated": "A predicted churn rate is the rate that comes true.",
    "no_worse_on_large_slices": "No large group of customers is served worse than before.",
    "fast_enough": "Answers for one customer within the time of a prediction.",
    "signed": "The model's files are pinned by digest and its inputs are declared.",
}
OWNERS = ["team:ml"]
SCORED = [dg.AssetKey(["training", f"churn_{item.name}"]) for item in CANDIDATES]


def assets(platform: Platform) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """The stage's assets for one source."""
    candidates = [_candidate(platform, declared) for declared in CANDIDATES]
    return [_examples(platform), *candidates, _leaderboard(platform), _champion(platform)]


def _key(text: str) -> dg.AssetKey:
    return dg.AssetKey.from_user_string(text)


def _examples(platform: Platform) -> dg.AssetsDefinition:
    settings, profile = platform.settings, platform.profile
    facts = [
        f"validated/{name}"
        for name in ("churn_events", "transactions", "campaign_contacts")
        if profile.has(name)
    ]
    upstream = ["features/daily_activity", "validated/customers", "validated/watermark", *facts]

    @dg.asset(
        key=_key(EXAMPLES),
        deps=[_key(name) for name in upstream],
        kinds={"spark", "deltalake"},
        partitions_def=platform.partitions.weekly,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="training",
        owners=OWNERS,
    )
    def churn_examples(context: dg.AssetExecutionContext, lake: Lake) -> dg.MaterializeResult:
        """What was known of each customer on a Monday, and whether she then left: the rows that models learn from."""
        from retention_assets.training.weeks import weekly_examples
        from retention_assets.validation.watermark import read_watermark

        first, last = days_of(context)
        watermark = read_watermark(lake.read)
        weeks = [
            monday
            for monday in matured_mondays(profile, settings, watermark)
            if first <= monday <= last
        ]
        frame = weekly_examples(lake.read, profile, settings.gap_days, weeks)
        rows = lake.replace_days(EXAMPLES, frame, "as_of", first=first, last=last)
        metadata = {
            "matured_weeks": len(weeks),
            "unmatured_weeks": len(context.partition_keys) - len(weeks),
            "watermark": str(watermark),
        }
        report_partitions(context, EXAMPLES, rows, table_metadata(frame.schema) | metadata)
        return dg.MaterializeResult()

    return churn_examples


def _candidate(platform: Platform, candidate: Candidate) -> dg.AssetsDefinition:
    settings, profile = platform.settings, platform.profile
    key = f"training/churn_{candidate.name}"

    @dg.asset(
        key=_key(key),
        op_tags=keys.ONE_AT_A_TIME,
        deps=[_key(EXAMPLES)],
        kinds=set(candidate.icons),
        group_name="training",
        owners=OWNERS,
        description=f"{candidate.meaning} Trained, calibrated, and scored once on the untouched last weeks.",
    )
    def churn_candidate(
        context: dg.AssetExecutionContext, lake: Lake, registry: Registry
    ) -> dg.MaterializeResult:
        from retention_assets.modeling.evaluation.candidate_evaluation import (
            SCORE_COLUMNS,
            churn_trial,
        )
        from retention_assets.modeling.examples import from_arrow
        from retention_assets.modeling.plots import candidate_figure
        from retention_assets.training.record import record_trial

        folder = registry.staging(candidate.name)
        trial = churn_trial(
            candidate, from_arrow(lake.read(EXAMPLES).toArrow()), folder, settings, profile
        )
        figure = candidate_figure(trial.test.y, trial.p, candidate.name)
        with registry.run(
            context,
            f"churn_{candidate.name}",
            {"candidate": candidate.name, "digest": trial.digest},
        ) as tracker:
            note = record_trial(tracker, registry.log_bundle, trial, folder, figure)
        rows = lake.overwrite(key, lake.spark.createDataFrame(trial.scores()))
        said = {
            "train_rows": trial.train_rows,
            "mlflow_run": note["run_id"],
            "digest": trial.digest,
            "curves": png(figure),
        }
        return dg.MaterializeResult(
            metadata=table_metadata(SCORE_COLUMNS, rows) | said | trial.figures()
        )

    return churn_candidate


def _leaderboard(platform: Platform) -> dg.AssetsDefinition:
    settings, profile = platform.settings, platform.profile

    @dg.asset(
        key=_key(LEADERBOARD),
        deps=[_key(EXAMPLES), *SCORED],
        kinds={"table", "deltalake"},
        group_name="training",
        owners=OWNERS,
    )
    def churn_leaderboard(lake: Lake) -> dg.MaterializeResult:
        """Every candidate and every baseline on the same untouched weeks, by expected profit, each with its interval."""
        import pyarrow as pa

        from retention_assets.modeling.plots import leaderboard_figure
        from retention_assets.modeling.promotion.comparison import contest_of

        contest = contest_of(lambda key: lake.read(key).toArrow(), None, settings, profile)
        rows = contest.leaderboard()
        frame = lake.spark.createDataFrame(pa.Table.from_pylist(rows))
        count = lake.overwrite(LEADERBOARD, frame)
        curves = png(leaderboard_figure(contest))
        said = {
            "leaderboard": dg.MetadataValue.json(rows),
            "table": rows_as_table(rows),
            "curves": curves,
        }
        return dg.MaterializeResult(metadata=table_metadata(frame.schema, count) | said)

    return churn_leaderboard


def _champion(platform: Platform) -> dg.AssetsDefinition:
    settings, profile = platform.settings, platform.profile
    key = _key(CHAMPION)

    @dg.asset(
        key=key,
        deps=[_key(LEADERBOARD), _key(EXAMPLES), *SCORED],
        kinds={"mlflow", "table"},
        group_name="training",
        owners=OWNERS,
        check_specs=[
            dg.AssetCheckSpec(name, asset=key, description=meaning)
            for name, meaning in GATES.items()
        ],
    )
    def churn_champion(
        context: dg.AssetExecutionContext, lake: Lake, registry: Registry
    ) -> dg.MaterializeResult:
        """The model that may decide whom to call: the most profitable candidate, if it passes every gate; else today's stays."""
        import pyarrow as pa

        from retention_assets.modeling.plots import leaderboard_figure
        from retention_assets.training import promotion

        outcome = promotion.hold(lambda key: lake.read(key).toArrow(), registry, settings, profile)
        context.log.info(outcome.verdict.reason)
        frame = lake.spark.createDataFrame(pa.Table.from_pylist(outcome.gate_rows()))
        rows = lake.overwrite(CHAMPION, frame)
        said = {
            "gates": rows_as_table(outcome.gate_rows()),
            "curves": png(leaderboard_figure(outcome.contest)),
        }
        checks = [
            dg.AssetCheckResult(
                passed=gate.passed,
                check_name=gate.name,
                asset_key=key,
                severity=dg.AssetCheckSeverity.WARN,
                description=gate.reason,
                metadata={"figures": dg.MetadataValue.json(gate.figures)},
            )
            for gate in outcome.verdict.gates
        ]
        return dg.MaterializeResult(
            metadata=table_metadata(frame.schema, rows) | said | outcome.summary(),
            check_results=checks,
        )

    return churn_champion
