"""Daily tiles: one row per customer, event date and arrival date, with one column per measure.

A tile is what the arrivals of one day change. `arrival_date` is that day, so that a point-in-time
read at t is `event_date < t AND arrival_date < t`. A correction or a removal takes a row back on
the day of its own arrival, so measures may be negative. Pure Spark: no lake, no clock.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retention_assets.features.measures import UNITS, Measure
from retention_assets.sources.contracts import TABLES
from retention_assets.validation.versions import (
    IS_CORRECTION,
    IS_GONE,
    MOMENT,
    REPLACED_ON,
    versions_of,
)

KEYS = ("customer_id", "event_date", "arrival_date")


def units(value: Column) -> Column:
    """A double as a whole number of 1 / UNITS, so that sums are exact in any order."""
    return F.rint(value * F.lit(float(UNITS))).cast("bigint")


def daily_activity(
    tables: Mapping[str, DataFrame], measures: Iterable[Measure], first: date, last: date
) -> DataFrame:
    """Tiles of what arrived from `first` to `last`, both included.

    `tables`: validated tables by name, among them the tables of all measures, with all that arrived
    until `last`. Columns: customer_id, event_date, arrival_date, and a double per measure, 0 if
    nothing changed.
    """
    measures = list(measures)
    parts = []
    for name, table in tables.items():
        of_table = [measure for measure in measures if measure.table == name]
        dated = table.withColumn("event_date", F.to_date("event_ts"))
        dated = dated.where(F.col("arrival_date") <= F.lit(last))
        parts += _parts(dated, of_table, TABLES[name].key, first)
    stacked = reduce(lambda left, right: left.unionByName(right, allowMissingColumns=True), parts)
    totals = [
        F.coalesce(F.sum(m.name) / F.lit(float(UNITS)), F.lit(0.0)).alias(m.name) for m in measures
    ]
    return stacked.groupBy(*KEYS).agg(*totals)


def _parts(
    dated: DataFrame, measures: list[Measure], key: Sequence[str], first: date
) -> list[DataFrame]:
    """The table's measures in UNITS by KEYS, one frame per kind of aggregate."""
    arrived = dated.where(F.col("arrival_date") >= F.lit(first))
    corrections = arrived.where(IS_CORRECTION).select(*key).distinct()
    changes = arrived.where(~F.col(IS_GONE)).withColumn("sign", F.lit(1))
    is_corrected = not corrections.isEmpty()
    if is_corrected:
        changes = changes.unionByName(_replaced_rows(dated, corrections, key, first))
    added = [m for m in measures if m.kind != "distinct"]
    distinct = [m for m in measures if m.kind == "distinct"]
    parts = [_added(changes, added)] if added else []
    if distinct:
        is_earlier = F.col("event_date") < F.lit(first)
        touched = changes.where(is_earlier).select("customer_id", "event_date").distinct()
        earlier = _earlier_rows(dated, touched, key, first)
        rows = changes if earlier is None else changes.unionByName(earlier)
        counted = _distinct(rows, distinct, is_corrected)
        parts.append(counted.where(F.col("arrival_date") >= F.lit(first)))
    return parts


def _replaced_rows(
    dated: DataFrame, corrections: DataFrame, key: Sequence[str], first: date
) -> DataFrame:
    """The rows that were replaced since `first`, with `sign` -1, on the day on which they were."""
    versions = versions_of(dated, corrections, key).where(~F.col(IS_GONE))
    replaced = versions.withColumn("arrival_date", F.col(REPLACED_ON)).withColumn("sign", F.lit(-1))
    return replaced.where(F.col("arrival_date") >= F.lit(first)).drop(REPLACED_ON)


def _earlier_rows(
    dated: DataFrame, touched: DataFrame, key: Sequence[str], first: date
) -> DataFrame | None:
    """The rows that held before `first` for these customers and event dates, with `sign` 1; None
    if there are no such dates, as in the first run.

    Files of other event dates are skipped: late rows are mostly of the last days.
    """
    (bounds,) = touched.agg(F.min("event_date"), F.max(F.date_add("event_date", 1))).collect()
    if bounds[0] is None:
        return None
    begin, end = (F.lit(day).cast("timestamp") for day in bounds)
    earlier = dated.where(F.col("arrival_date") < F.lit(first))
    of_dates = earlier.where(~F.col(IS_GONE))
    of_dates = of_dates.where((F.col("event_ts") >= begin) & (F.col("event_ts") < end))
    of_days = of_dates.join(touched, ["customer_id", "event_date"], "left_semi").alias("row")
    later = earlier.where(IS_CORRECTION).select(*key, *MOMENT).alias("later")
    same_key = [F.col(f"row.{name}") == F.col(f"later.{name}") for name in key]
    moments = [F.struct(*[f"{side}.{name}" for name in MOMENT]) for side in ("row", "later")]
    is_replaced = reduce(Column.__and__, same_key, moments[0] < moments[1])
    return of_days.join(later, is_replaced, "left_anti").withColumn("sign", F.lit(1))


def _added(changes: DataFrame, measures: list[Measure]) -> DataFrame:
    sums = [
        F.sum(F.when(F.expr(m.where), F.col("sign") * units(F.expr(m.value).cast("double")))).alias(
            m.name
        )
        for m in measures
    ]
    return changes.groupBy(*KEYS).agg(*sums)


def _distinct(changes: DataFrame, measures: list[Measure], is_corrected: bool) -> DataFrame:
    """Each value counts once per customer and event date: from the arrival of its first row until
    its last one is taken back. So a late row of a known order adds nothing.
    """
    pairs = [
        F.when(
            F.expr(m.where),
            F.struct(F.lit(m.name).alias("measure"), F.expr(m.value).cast("string").alias("value")),
        )
        for m in measures
    ]
    rows = changes.select(*KEYS, "sign", F.explode(F.array(*pairs)).alias("pair"))
    counted = _counted_days(rows.where("pair IS NOT NULL"), is_corrected)
    sums = [
        F.sum(F.when(F.col("pair.measure") == m.name, F.col("change") * F.lit(UNITS))).alias(m.name)
        for m in measures
    ]
    return counted.groupBy(*KEYS).agg(*sums)


def _counted_days(rows: DataFrame, is_corrected: bool) -> DataFrame:
    """The days on which a pair begins to count, with `change` 1, or ends to, with -1.

    Without corrections a pair begins once, which is faster to find.
    """
    of_pair = ["customer_id", "event_date", "pair"]
    if not is_corrected:
        first = F.min("arrival_date").alias("arrival_date")
        return rows.groupBy(*of_pair).agg(first).withColumn("change", F.lit(1).cast("bigint"))
    moves = rows.groupBy(*of_pair, "arrival_date").agg(F.sum("sign").alias("rows"))
    total = F.sum("rows").over(Window.partitionBy(*of_pair).orderBy("arrival_date"))
    counts_now = (total > 0).cast("bigint")
    counted_before = (total - F.col("rows") > 0).cast("bigint")
    return moves.withColumn("change", counts_now - counted_before)
