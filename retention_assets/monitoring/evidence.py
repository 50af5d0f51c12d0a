"""Reads what the retraining decision is based on, from the lake's tables and the champion.

A training is dated by the newest labeled week that it learned from: its age is the number of days
from that week to the newest labeled week.
"""

from collections.abc import Callable, Sequence
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retention_assets import keys
from retention_assets.modeling.evaluation.intervals import interval, resample
from retention_assets.modeling.evaluation.metrics import Evaluation
from retention_assets.modeling.examples import Examples
from retention_assets.modeling.task import Task
from retention_assets.monitoring.retraining import RealizedFigures, RetrainingEvidence
from serve.model.scorer import Scorer

MIN_LABEL_ROWS = 10  # of each label, for an AUC


def read_evidence(
    read: Callable[[str], DataFrame],
    candidates: Sequence[str],
    failed_checks: Sequence[str],
    *,
    trained_through: date | None = None,
    tested_through: date | None = None,
) -> RetrainingEvidence:
    """The evidence in the tables. `candidates`: keys of the candidates' score tables that exist.
    `trained_through`: the champion's newest week; without a champion, that of the candidates
    counts. `tested_through`: last week of the last test period.
    """
    examples = read(keys.CHURN_EXAMPLES)
    trained_weeks = [week for key in candidates if (week := newest_week(read(key)))]
    last = trained_through or max(trained_weeks, default=None)
    newest = newest_week(examples)
    drifted = read(keys.FEATURE_DRIFT).where("matters").orderBy(F.desc("effect"))
    return RetrainingEvidence(
        failed_checks=tuple(failed_checks),
        has_champion=trained_through is not None,
        new_customers=weeks_after(examples, last).select("customer_id").distinct().count(),
        days_since_training=(newest - last).days if newest and last else None,
        drifted_features=tuple(row["feature"] for row in drifted.select("feature").collect()),
        untested_weeks=weeks_after(examples, tested_through).select("as_of").distinct().count(),
    )


def realized_figures(
    scorer: Scorer, data: Examples, recorded_auc: float, task: Task
) -> RealizedFigures | None:
    """The champion on rows of weeks after its training; None if they are too few, or lack one of
    its features.

    Their label windows overlap those of weeks that it learned from, so the AUC is rather too high.
    A fall that shows all the same is evidence; that none shows proves little.
    """
    positives = int(data.y.sum())
    is_readable = set(scorer.features) <= set(data.features)
    if min(positives, len(data) - positives) < MIN_LABEL_ROWS or not is_readable:
        return None
    p = scorer.probabilities(data.columns(scorer.features))
    evaluation = Evaluation.of(data, p, task.utility)
    samples = resample({"champion": evaluation}, data.entities, task.bootstrap_rounds, task.seed)
    _, high = interval(samples["champion"]["auc"])
    return RealizedFigures(recorded_auc, evaluation.point()["auc"], high)


def newest_week(frame: DataFrame) -> date | None:
    """The latest as-of day; None for an empty table."""
    (row,) = frame.agg(F.max("as_of").alias("week")).collect()
    return row["week"]


def weeks_after(frame: DataFrame, week: date | None) -> DataFrame:
    """The rows of later weeks; all of them if there is no such week."""
    return frame if week is None else frame.where(F.col("as_of") > F.lit(week))
