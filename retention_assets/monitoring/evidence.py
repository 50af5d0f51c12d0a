"""What the retraining decision is made on, read from the lake's tables. Frames in, evidence out.

The last training is dated by the newest labelled week that it used, the data's own time: age is how many days of
labelled weeks have come since.
"""

from collections.abc import Callable, Sequence
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retention_assets.monitoring.retraining import Evidence
from retention_assets.validation.watermark import read_watermark


def evidence(
    read: Callable[[str], DataFrame], trained: Sequence[str], failed_checks: Sequence[str]
) -> tuple[date, Evidence]:
    """The watermark, and what is known at it. `trained`: keys of the tables that a training leaves behind, if any."""
    watermark = read_watermark(read)
    examples = read("training/churn_examples")
    last = max((week for week in (newest_week(read(key)) for key in trained) if week), default=None)
    newest = newest_week(examples)
    new = examples if last is None else examples.where(F.col("as_of") > F.lit(last))
    drifted = (
        read("monitoring/feature_drift")
        .where("drifted")
        .orderBy(F.desc("effect"))
        .select("feature")
        .collect()
    )
    age = (newest - last).days if newest and last else None
    return watermark, Evidence(
        tuple(failed_checks), new.count(), age, tuple(row["feature"] for row in drifted)
    )


def newest_week(frame: DataFrame) -> date | None:
    found = frame.agg(F.max("as_of").alias("week")).collect()
    return found[0]["week"]
