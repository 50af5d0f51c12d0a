"""Daily tiles: one row per customer, event date and arrival date, with one column per measure.

A tile is what the arrivals of one day change. `arrival_date` is that day, so that a point-in-time
read at t is `event_date < t AND arrival_date < t`. A correction takes the row that it replaces back
on the day of its own arrival, so measures may be negative. Pure Spark: no lake, no clock.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retention_assets.features.measures import UNITS, Measure
from retention_assets.sources.contracts import TABLES
from retention_assets.validation.versions import IS_CORRECTION, MOMENT, REPLACED_ON, versions_of

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
        changes = _changes(dated, TABLES[name].key, first, last)
        parts += _parts(dated, changes, of_table, TABLES[name].key, first)
    stacked = reduce(lambda left, right: left.unionByName(right, allowMissingColumns=True), parts)
    totals = [
        F.coalesce(F.sum(m.name) / F.lit(float(UNITS)), F.lit(0.0)).alias(m.name) for m in measures
    ]
    return stacked.groupBy(*KEYS).agg(*totals)


def _changes(dated: DataFrame, key: Sequence[str], first: date, last: date) -> DataFrame:
    """What arrived in these days, with `sign` 1, and the rows that were replaced in them, with
    `sign` -1 and the day on which they were.
    """
    arrived = dated.where(F.col("arrival_date").between(F.lit(first), F.lit(last)))
    corrections = arrived.where(IS_CORRECTION).select(*key).distinct()
    added = arrived.withColumn("sign", F.lit(1))
    if corrections.isEmpty():
        return added
    versions = versions_of(dated.where(F.col("arrival_date") <= F.lit(last)), corrections, key)
    replaced = versions.withColumn("arrival_date", F.col(REPLACED_ON)).withColumn("sign", F.lit(-1))
    replaced = replaced.where(F.col("arrival_date") >= F.lit(first)).drop(REPLACED_ON)
    return added.unionByName(replaced)


def _parts(
    dated: DataFrame, changes: DataFrame, measures: list[Measure], key: Sequence[str], first: date
) -> list[DataFrame]:
    """The table's measures in UNITS by KEYS, one frame per kind of aggregate."""
    added = [m for m in measures if m.kind != "distinct"]
    distinct = [m for m in measures if m.kind == "distinct"]
    parts = [_added(changes, added)] if added else []
    if distinct:
        is_earlier = F.col("event_date") < F.lit(first)
        touched = changes.where(is_earlier).select("customer_id", "event_date").distinct()
        rows = changes.unionByName(_earlier_rows(dated, touched, key, first))
        parts.append(_distinct(rows, distinct).where(F.col("arrival_date") >= F.lit(first)))
    return parts


def _earlier_rows(
    dated: DataFrame, touched: DataFrame, key: Sequence[str], first: date
) -> DataFrame:
    """The rows that held before `first` for these customers and event dates, with `sign` 1."""
    earlier = dated.where(F.col("arrival_date") < F.lit(first))
    of_days = earlier.join(touched, ["customer_id", "event_date"], "left_semi").alias("row")
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


def _distinct(changes: DataFrame, measures: list[Measure]) -> DataFrame:
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
    of_pair = ["customer_id", "event_date", "pair"]
    rows = changes.select(*KEYS, "sign", F.explode(F.array(*pairs)).alias("pair"))
    by_day = rows.where("pair IS NOT NULL").groupBy(*of_pair, "arrival_date")
    moves = by_day.agg(F.sum("sign").alias("rows"))
    total = F.sum("rows").over(Window.partitionBy(*of_pair).orderBy("arrival_date"))
    counts_now = (total > 0).cast("bigint")
    counted_before = (total - F.col("rows") > 0).cast("bigint")
    changed = moves.withColumn("change", (counts_now - counted_before) * F.lit(UNITS))
    sums = [
        F.sum(F.when(F.col("pair.measure") == m.name, F.col("change"))).alias(m.name)
        for m in measures
    ]
    return changed.groupBy(*KEYS).agg(*sums)
