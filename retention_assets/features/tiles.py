"""Daily tiles: one row per customer, event date and arrival date, with one column per measure.

`arrival_date` is the day on which the platform learned of the facts behind the row, so that a
point-in-time read at t is `event_date < t AND arrival_date < t`. Pure Spark: no lake, no clock.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retention_assets.features.measures import UNITS, Measure

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
    nothing happened.
    """
    measures = list(measures)
    parts = [
        part
        for name in tables
        for part in _parts(tables[name], [m for m in measures if m.table == name], first, last)
    ]
    stacked = reduce(lambda left, right: left.unionByName(right, allowMissingColumns=True), parts)
    totals = [
        F.coalesce(F.sum(m.name) / F.lit(float(UNITS)), F.lit(0.0)).alias(m.name) for m in measures
    ]
    return stacked.groupBy(*KEYS).agg(*totals)


def _parts(table: DataFrame, measures: list[Measure], first: date, last: date) -> list[DataFrame]:
    """The table's measures in UNITS by KEYS, one frame per kind of aggregate."""
    dated = table.withColumn("event_date", F.to_date("event_ts"))
    arrived = dated.where(F.col("arrival_date").between(F.lit(first), F.lit(last)))
    added = [m for m in measures if m.kind != "distinct"]
    distinct = [m for m in measures if m.kind == "distinct"]
    parts = [_added(arrived, added)] if added else []
    if distinct:
        is_touched = F.col("arrival_date") >= F.lit(first)
        rows = arrived.unionByName(_earlier_rows(dated, first, last))
        parts.append(_distinct(rows, distinct).where(is_touched))
    return parts


def _earlier_rows(dated: DataFrame, first: date, last: date) -> DataFrame:
    """The rows that arrived before `first` of the customers and event dates for which a late row
    arrives from then on.
    """
    arrival_date = F.col("arrival_date")
    late = dated.where(arrival_date.between(F.lit(first), F.lit(last)))
    late = late.where(F.col("event_date") < F.lit(first)).select("customer_id", "event_date")
    earlier = dated.where(arrival_date < F.lit(first))
    return earlier.join(late.distinct(), ["customer_id", "event_date"], "left_semi")


def _added(dated: DataFrame, measures: list[Measure]) -> DataFrame:
    sums = [
        F.sum(F.when(F.expr(m.where), units(F.expr(m.value).cast("double")))).alias(m.name)
        for m in measures
    ]
    return dated.groupBy(*KEYS).agg(*sums)


def _distinct(dated: DataFrame, measures: list[Measure]) -> DataFrame:
    """Each value counts once per day, on the arrival date of its first row.

    So a late row of a known order adds nothing.
    """
    pairs = [
        F.when(
            F.expr(m.where),
            F.struct(F.lit(m.name).alias("measure"), F.expr(m.value).cast("string").alias("value")),
        )
        for m in measures
    ]
    exploded = dated.select(*KEYS, F.explode(F.array(*pairs)).alias("pair"))
    first_rows = (
        exploded.where("pair IS NOT NULL")
        .groupBy("customer_id", "event_date", "pair")
        .agg(F.min("arrival_date").alias("arrival_date"))
    )
    counts = [
        F.sum(F.when(F.col("pair.measure") == m.name, F.lit(UNITS).cast("bigint"))).alias(m.name)
        for m in measures
    ]
    return first_rows.groupBy(*KEYS).agg(*counts)
