"""Point-in-time reads: which facts were known at an as-of date t (midnight UTC), for many t at
once.

The rule is `event_ts < t` and `arrival_date < t`, the day of `ingested_ts`; of the versions of a
row, the last of these holds. An arrival time that is a date is a midnight: it counts as a part of
the day that begins with it. So a fact is visible from one date on, and a read at many dates is one
pass: each fact goes to the first as-of date at which it is visible.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import date, timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retention_assets.validation.versions import MOMENT, REPLACED_ON, holds_at


def known_at(day: Column, known_on: Column, field: Callable[[str], Column] = F.col) -> Column:
    """Whether a row of `versions.with_replacement` happened before `day` and is known, and not
    replaced, at the start of `known_on`. `field`: column of the row by its name.
    """
    happened = field("event_ts") < day.cast("timestamp")
    return happened & holds_at(known_on.cast("timestamp"), field)


def visible_from(event_date: Column, arrival_date: Column, days: int = 0) -> Column:
    """First t at which `event_date < t - days` and `arrival_date < t`."""
    return F.greatest(F.date_add(event_date, days + 1), F.date_add(arrival_date, 1))


def first_as_of(visible: Column, as_of_dates: Sequence[date]) -> Column:
    """The first of the ascending dates at or after `visible`; null if there is none.

    A table lookup, not a join.
    """
    start = as_of_dates[0]
    days = [start + timedelta(days=i) for i in range((as_of_dates[-1] - start).days + 1)]
    following = [min(t for t in as_of_dates if t >= day) for day in days]
    table = F.array(*[F.lit(t) for t in following])
    place = F.greatest(F.date_diff(visible, F.lit(start)), F.lit(0))
    return F.when(place < len(days), F.get(table, F.least(place, F.lit(len(days) - 1))))


def customers_as_of(
    customers: DataFrame, as_of_dates: Sequence[date], attributes: Collection[str]
) -> DataFrame:
    """One row per customer and as-of date, from the first date at which the customer is known.

    `customers`: rows of `versions.with_replacement`, one per change. Columns out: customer_id,
    as_of, signup_date (of the earliest known row), and each attribute as text, from the latest
    known row.
    """
    texts = [F.col(name).cast("string").alias(name) for name in sorted(attributes)]
    rows = customers.select(
        "customer_id",
        F.to_date("event_ts").alias("signup_date"),
        F.struct("event_ts", *MOMENT).alias("time"),
        F.struct(F.lit(0).alias("_"), *texts).alias("attributes"),
        visible_from(F.to_date("event_ts"), F.to_date("ingested_ts")).alias("visible"),
        REPLACED_ON,
    )
    grid = rows.select(
        "*", F.explode(F.array(*[F.lit(t) for t in as_of_dates])).alias("as_of")
    ).where(f"visible <= as_of AND ({REPLACED_ON} IS NULL OR {REPLACED_ON} >= as_of)")
    latest = F.max_by("attributes", "time").alias("attributes")
    known = grid.groupBy("customer_id", "as_of").agg(
        F.min("signup_date").alias("signup_date"), latest
    )
    return known.select(
        "customer_id",
        "as_of",
        "signup_date",
        *[F.col(f"attributes.{name}") for name in sorted(attributes)],
    )
