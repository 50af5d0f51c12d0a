"""The watermark: the latest closed day of the validated data. Frames and dates in, a value out; no
clock.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retention_assets.errors import ProfileError
from retention_assets.keys import WATERMARK

WATERMARK_SCHEMA = (
    "watermark date, newest_event_ts timestamp, newest_ingested_ts timestamp, labels_through date"
)


@dataclass(frozen=True)
class Watermark:
    """The newest day of the data, and the newest day of each table."""

    day: date
    newest_event_ts: datetime
    newest_ingested_ts: datetime
    by_table: Mapping[str, date]


def read_watermark(read: Callable[[str], DataFrame]) -> date:
    """The day that validated/watermark holds. `read` returns the frame of an asset, such as
    `lake.read`.
    """
    return read(WATERMARK).collect()[0]["watermark"]


def read_labels_through(read: Callable[[str], DataFrame]) -> date:
    """The day that validated/watermark holds for labels: those that are final by its end can be
    read.
    """
    return read(WATERMARK).collect()[0]["labels_through"]


def event_tables(names: list[str]) -> list[str]:
    """The tables that set a source's watermark: all but those whose event_ts is no sign of new
    data, unless there is no other.
    """
    return [name for name in names if name not in ("customers", "churn_labels")] or names


def find_watermark(frames: Mapping[str, DataFrame], as_of: date | None) -> Watermark:
    """The newest day of the frames before `as_of`, from rows known by then. Raises ProfileError if
    there is no valid row.
    """
    newest = reduce(
        DataFrame.unionByName, (_newest(name, frame, as_of) for name, frame in frames.items())
    )
    rows = [row for row in newest.collect() if row["day"]]
    if not rows:
        raise ProfileError(
            f"No table has a valid row{f' before {as_of}' if as_of else ''}.",
            "Look at quarantine/*, or choose a later as-of day.",
        )
    return Watermark(
        day=max(row["day"] for row in rows),
        newest_event_ts=max(row["event"] for row in rows),
        newest_ingested_ts=max(row["ingested"] for row in rows),
        by_table={row["name"]: row["day"] for row in rows},
    )


def lag_days(watermark: date, newest: date, as_of: date | None) -> int:
    """Days from the watermark to the newest day of the source, counted up to the day before
    `as_of`.
    """
    visible = min(newest, as_of - timedelta(days=1)) if as_of else newest
    return max(0, (visible - watermark).days)


def _newest(name: str, frame: DataFrame, as_of: date | None) -> DataFrame:
    if as_of:
        t = F.lit(as_of)
        frame = frame.where((F.col("event_ts") < t) & (F.col("arrival_date") < t))
    newest = frame.agg(
        F.to_date(F.max("event_ts")).alias("day"),
        F.max("event_ts").alias("event"),
        F.max("ingested_ts").alias("ingested"),
    )
    return newest.withColumn("name", F.lit(name))
