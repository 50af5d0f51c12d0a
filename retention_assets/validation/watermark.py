"""The watermark: the latest closed day that the validated data holds. Frames and dates in, a value out; no clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retention_assets.errors import ProfileError

SCHEMA = "watermark date, newest_event_ts timestamp, newest_ingested_ts timestamp"


@dataclass(frozen=True)
class Watermark:
    """How far the data goes, and how far each table of it."""

    day: date
    newest_event_ts: datetime
    newest_ingested_ts: datetime
    by_table: Mapping[str, date]


def event_tables(names: list[str]) -> list[str]:
    """The tables whose newest day says how far a source goes: all but customers, unless there is nothing else."""
    return [name for name in names if name != "customers"] or names


def find_watermark(frames: Mapping[str, DataFrame], as_of: date | None) -> Watermark:
    """The newest day of the frames before `as_of`, by what was known then. Raises ProfileError where there is no valid row."""
    newest = reduce(
        DataFrame.unionByName, (_newest(name, frame, as_of) for name, frame in frames.items())
    )
    rows = [row for row in newest.collect() if row["day"]]
    if not rows:
        raise ProfileError(
            f"No table holds a valid row{f' before {as_of}' if as_of else ''}.",
            "Look at quarantine/*, or choose a later as-of.",
        )
    by_table = {row["name"]: row["day"] for row in rows}
    day, event, ingested = (max(row[name] for row in rows) for name in ("day", "event", "ingested"))
    return Watermark(day, event, ingested, by_table)


def _newest(name: str, frame: DataFrame, as_of: date | None) -> DataFrame:
    seen = (
        frame.where((F.col("event_date") < F.lit(as_of)) & (F.col("ingested_ts") <= F.lit(as_of)))
        if as_of
        else frame
    )
    columns = (
        F.max("event_date").alias("day"),
        F.max("event_ts").alias("event"),
        F.max("ingested_ts").alias("ingested"),
    )
    return seen.agg(*columns).withColumn("name", F.lit(name))


def lag_days(watermark: date, newest: date, as_of: date | None) -> int:
    """Days that the watermark lies behind the newest day there is, as seen before `as_of`."""
    return max(
        0,
        (min(newest, as_of - timedelta(days=1)) if as_of else newest).toordinal()
        - watermark.toordinal(),
    )
