"""Running totals of tiles per customer and as-of date: reads the tiles once for all windows.

The total of a measure at (t, w) is its sum over tiles with `event_date < t - w` and
`arrival_date < t`. A tile enters it on one date and stays, so it is added at that date, and a
cumulative sum over the as-of dates gives the totals. What a correction takes back enters in the
same way, as a negative tile.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retention_assets.features.expressions import (
    Expression,
    days_needed,
    last_date_measures,
    window_totals,
)
from retention_assets.features.point_in_time import first_as_of, visible_from
from retention_assets.features.tiles import KEYS, units


def total_column(measure: str, offset: int) -> str:
    """Name of the column with the total, in units."""
    return f"{measure}_until_{offset}"


def last_column(measure: str) -> str:
    """Name of the column with the last event date that has the measure above zero."""
    return f"{measure}_last_date"


@dataclass(frozen=True)
class RequiredTotals:
    """What a set of expressions reads from tiles.

    `totals`: (measure, w) of each running total; `last_dates`: measures whose last event date is
    read; `days`: how many days before t are read, None for all.
    """

    totals: tuple[tuple[str, int], ...]
    last_dates: tuple[str, ...]
    days: int | None

    @classmethod
    def of(cls, expressions: Sequence[Expression]) -> "RequiredTotals":
        days: int | None = 0
        for expression in expressions:
            needed = days_needed(expression)
            days = None if days is None or needed is None else max(days, needed)
        return cls(
            totals=tuple(sorted(set().union(*map(window_totals, expressions)))),
            last_dates=tuple(sorted(set().union(*map(last_date_measures, expressions)))),
            days=days,
        )


def with_totals(
    known: DataFrame, tiles: DataFrame, as_of_dates: Sequence[date], required: RequiredTotals
) -> DataFrame:
    """`known` (customer_id, as_of, …) with its customers' totals and last dates; dates ascend."""
    if not required.totals and not required.last_dates:
        return known
    past = _required_tiles(tiles, as_of_dates, required)
    added = _added(past, as_of_dates, required)
    # A tile may be known before its customer is: the full join keeps it for the customer's later
    # dates.
    joined = known.withColumn("is_known", F.lit(True)).join(added, ["customer_id", "as_of"], "full")
    so_far = (
        Window.partitionBy("customer_id").orderBy("as_of").rowsBetween(Window.unboundedPreceding, 0)
    )
    totals = {
        name: F.coalesce(F.sum(name).over(so_far), F.lit(0))
        for name in (total_column(measure, offset) for measure, offset in required.totals)
    }
    last = {name: F.max(name).over(so_far) for name in map(last_column, required.last_dates)}
    rows = joined.withColumns(totals | last).where("is_known").drop("is_known")
    return _with_retracted_days(rows, past, as_of_dates, required.last_dates)


def _with_retracted_days(
    rows: DataFrame, tiles: DataFrame, as_of_dates: Sequence[date], measures: Sequence[str]
) -> DataFrame:
    """`rows` with the right last dates of customers of whom a tile takes something back.

    A day whose total is back at zero is no last date any more. A running maximum cannot forget it.
    """
    if not measures:
        return rows
    is_negative = reduce(Column.__or__, [F.col(name) < 0 for name in measures])
    customers = tiles.where(is_negative).select("customer_id").distinct()
    if customers.isEmpty():
        return rows
    dates = F.explode(F.array(*[F.lit(day) for day in as_of_dates])).alias("as_of")
    of_customers = tiles.join(customers, "customer_id", "left_semi").select("*", dates)
    is_visible = visible_from(F.col("event_date"), F.col("arrival_date")) <= F.col("as_of")
    totals = [F.sum(units(F.col(name))).alias(name) for name in measures]
    by_day = of_customers.where(is_visible).groupBy("customer_id", "as_of", "event_date")
    last = [
        F.max(F.when(F.col(name) > 0, F.col("event_date"))).alias(last_column(name))
        for name in measures
    ]
    summed = by_day.agg(*totals).groupBy("customer_id", "as_of").agg(*last)
    summed = summed.withColumn("is_summed", F.lit(True)).alias("summed")
    joined = rows.alias("rows").join(summed, ["customer_id", "as_of"], "left")
    is_summed = F.col("is_summed").isNotNull()
    names = [last_column(name) for name in measures]
    right = [
        F.when(is_summed, F.col(f"summed.{name}")).otherwise(F.col(f"rows.{name}")).alias(name)
        for name in names
    ]
    kept = [f"rows.{name}" for name in rows.columns if name not in names]
    return joined.select(*kept, *right)


def _required_tiles(
    tiles: DataFrame, as_of_dates: Sequence[date], required: RequiredTotals
) -> DataFrame:
    """Tiles of the days that any window covers."""
    last = F.lit(as_of_dates[-1])
    past = tiles.where((F.col("event_date") < last) & (F.col("arrival_date") < last))
    if required.days is None:
        return past
    first = as_of_dates[0] - timedelta(days=required.days)
    return past.where(F.col("event_date") >= F.lit(first))


def _added(tiles: DataFrame, as_of_dates: Sequence[date], required: RequiredTotals) -> DataFrame:
    """Per customer and as-of date, what is added to each total on that date."""
    windows = sorted({0} | {offset for _, offset in required.totals})
    names = sorted({measure for measure, _ in required.totals} | set(required.last_dates))
    # In units before a tile is repeated for each window: that takes a quarter off many dates.
    tiles = tiles.select(*KEYS, *[units(F.col(name)).alias(name) for name in names])
    if len(as_of_dates) == 1:
        entries, enters = _at_one_date(tiles, as_of_dates[0])
    else:
        entries, enters = _at_dates(tiles, as_of_dates, windows)
    sums = [
        F.sum(F.when(enters(offset), F.col(measure))).alias(total_column(measure, offset))
        for measure, offset in required.totals
    ]
    last = [
        F.max(F.when(enters(0) & (F.col(name) > 0), F.col("event_date"))).alias(last_column(name))
        for name in required.last_dates
    ]
    return entries.groupBy("customer_id", "as_of").agg(*sums, *last)


def _at_one_date(tiles: DataFrame, as_of: date) -> tuple[DataFrame, Callable[[int], Column]]:
    """Each tile once, and the condition on its dates that it is in the total of a window."""
    t = F.lit(as_of)

    def enters(window: int) -> Column:
        return visible_from(F.col("event_date"), F.col("arrival_date"), window) <= t

    return tiles.withColumn("as_of", t), enters


def _at_dates(
    tiles: DataFrame, as_of_dates: Sequence[date], windows: Sequence[int]
) -> tuple[DataFrame, Callable[[int], Column]]:
    """Each tile once for each window whose total it enters, at the as-of date at which it does."""
    entries = [
        F.struct(
            F.lit(window).alias("window"),
            first_as_of(
                visible_from(F.col("event_date"), F.col("arrival_date"), window), as_of_dates
            ).alias("as_of"),
        )
        for window in windows
    ]
    exploded = tiles.withColumn("entry", F.explode(F.array(*entries)))
    exploded = exploded.where("entry.as_of IS NOT NULL")

    def enters(window: int) -> Column:
        return F.col("entry.window") == window

    return exploded.withColumn("as_of", F.col("entry.as_of")), enters
