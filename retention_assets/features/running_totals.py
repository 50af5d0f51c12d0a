"""Running totals of tiles per customer and as-of date: the step that reads the tiles, once, for all windows and dates.

The total of a measure at (t, w) is its sum over tiles with `event_date < t - w` and `known_date <= t`. A tile enters it
at one date and stays, so a tile is added at that date and a cumulative sum over the as-of dates does the rest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retention_assets.features.expressions import Expression, days_needed, last_seen, offsets
from retention_assets.features.point_in_time import first_moment, seen_from
from retention_assets.features.tiles import units


def total_column(measure: str, offset: int) -> str:
    """Name of the column that holds the total, in units."""
    return f"{measure}_until_{offset}"


def last_column(measure: str) -> str:
    """Name of the column that holds the last event date with the measure above zero."""
    return f"{measure}_last_date"


@dataclass(frozen=True)
class RequiredTotals:
    """What a set of expressions reads from tiles."""

    totals: tuple[tuple[str, int], ...]
    last: tuple[str, ...]
    days: int | None

    @classmethod
    def of(cls, expressions: Sequence[Expression]) -> "RequiredTotals":
        depths = [days_needed(one) for one in expressions]
        return cls(
            totals=tuple(sorted(set().union(*(offsets(one) for one in expressions)))),
            last=tuple(sorted(set().union(*(last_seen(one) for one in expressions)))),
            days=None
            if None in depths
            else max((depth for depth in depths if depth is not None), default=0),
        )


def with_totals(
    known: DataFrame, tiles: DataFrame, moments: Sequence[date], needs: RequiredTotals
) -> DataFrame:
    """`known` (customer_id, as_of, …) with the totals and last dates of its customers; moments ascend."""
    if not needs.totals and not needs.last:
        return known
    added = _added(_needed(tiles, moments, needs), moments, needs)
    # A tile may be known before its customer is: the full join keeps it for the customer's later dates.
    joined = known.withColumn("is_known", F.lit(True)).join(added, ["customer_id", "as_of"], "full")
    so_far = (
        Window.partitionBy("customer_id").orderBy("as_of").rowsBetween(Window.unboundedPreceding, 0)
    )
    totals = {
        name: F.coalesce(F.sum(name).over(so_far), F.lit(0))
        for name in (total_column(*one) for one in needs.totals)
    }
    last = {name: F.max(name).over(so_far) for name in map(last_column, needs.last)}
    return joined.withColumns(totals | last).where("is_known").drop("is_known")


def _needed(tiles: DataFrame, moments: Sequence[date], needs: RequiredTotals) -> DataFrame:
    """Tiles of the days that any window reaches."""
    upto = tiles.where(F.col("event_date") < F.lit(moments[-1]))
    if needs.days is None:
        return upto
    return upto.where(F.col("event_date") >= F.lit(moments[0] - timedelta(days=needs.days)))


def _added(tiles: DataFrame, moments: Sequence[date], needs: RequiredTotals) -> DataFrame:
    """Per customer and moment, what each total gains there."""
    windows = sorted({0} | {offset for _, offset in needs.totals})
    entries, enters = (
        _at_one_moment(tiles, moments[0])
        if len(moments) == 1
        else _at_moments(tiles, moments, windows)
    )
    sums = [
        F.sum(F.when(enters(offset), units(F.col(measure)))).alias(total_column(measure, offset))
        for measure, offset in needs.totals
    ]
    last = [
        F.max(F.when(enters(0) & (F.col(name) > 0), F.col("event_date"))).alias(last_column(name))
        for name in needs.last
    ]
    return entries.groupBy("customer_id", "as_of").agg(*sums, *last)


def _at_one_moment(tiles: DataFrame, moment: date) -> tuple[DataFrame, Callable[[int], Column]]:
    """Each tile once: whether it has entered the total of a window is a condition on its dates."""
    t = F.lit(moment)
    return tiles.withColumn(
        "as_of", t
    ), lambda window: seen_from(F.col("event_date"), F.col("known_date"), window) <= t


def _at_moments(
    tiles: DataFrame, moments: Sequence[date], windows: Sequence[int]
) -> tuple[DataFrame, Callable[[int], Column]]:
    """Each tile once for each window whose total it enters, at the moment at which it does."""
    entries = [
        F.struct(
            F.lit(window).alias("window"),
            first_moment(
                seen_from(F.col("event_date"), F.col("known_date"), window), moments
            ).alias("as_of"),
        )
        for window in windows
    ]
    each = tiles.withColumn("entry", F.explode(F.array(*entries))).where("entry.as_of IS NOT NULL")
    return each.withColumn(
        "as_of", F.col("entry.as_of")
    ), lambda window: F.col("entry.window") == window
