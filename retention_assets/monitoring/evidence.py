"""Reads what the retraining decision is based on from the lake's tables.

A training is dated by the newest labeled week that it used: its age is the number of days from
that week to the newest labeled week.
"""

from collections.abc import Callable, Sequence
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retention_assets import keys
from retention_assets.monitoring.retraining import RetrainingEvidence
from retention_assets.validation.watermark import read_watermark


def read_evidence(
    read: Callable[[str], DataFrame], candidates: Sequence[str], failed_checks: Sequence[str]
) -> tuple[date, RetrainingEvidence]:
    """The watermark, and the evidence at it. `candidates`: keys of the candidates' score tables
    that exist.
    """
    examples = read(keys.CHURN_EXAMPLES)
    trained_weeks = [week for key in candidates if (week := newest_week(read(key)))]
    last = max(trained_weeks, default=None)
    newest = newest_week(examples)
    new = examples if last is None else examples.where(F.col("as_of") > F.lit(last))
    drifted = read(keys.FEATURE_DRIFT).where("drifted").orderBy(F.desc("effect"))
    evidence = RetrainingEvidence(
        failed_checks=tuple(failed_checks),
        new_labels=new.count(),
        days_since_training=(newest - last).days if newest and last else None,
        drifted_features=tuple(row["feature"] for row in drifted.select("feature").collect()),
    )
    return read_watermark(read), evidence


def newest_week(frame: DataFrame) -> date | None:
    """The latest as-of day; None for an empty table."""
    (row,) = frame.agg(F.max("as_of").alias("week")).collect()
    return row["week"]
