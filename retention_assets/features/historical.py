"""Features of any customers as of any days, point-in-time correct, in one pass. Frames in and
out.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retention_assets import keys
from retention_assets.errors import FeatureRequestError
from retention_assets.features.engine_spark import compute_features
from retention_assets.features.feature import Feature
from retention_assets.features.point_in_time import customers_as_of
from retention_assets.validation.versions import read_facts

PAIR = ("customer_id", "as_of")
PLACE = "_place"  # of rows that keep their order
LISTED = 20  # unknown customers that a result names


@dataclass(frozen=True)
class HistoricalFeatures:
    """`frame`: the rows that were asked for, with all their columns, and a double per feature, null
    if unknown. `unknown`: how many (customer_id, as_of) name a customer who was not known on that
    day; their features are null. `unknown_pairs`: the first of them.
    """

    frame: DataFrame
    unknown: int
    unknown_pairs: Sequence[tuple[str, date]]


def historical_features(
    entities: DataFrame,
    read: Callable[[str], DataFrame],
    features: Iterable[Feature],
    history_start: date,
    *,
    today: date,
) -> HistoricalFeatures:
    """The features of each row's customer at the start of its day. Repeated rows are kept.

    `entities`: customer_id, as_of (a day, or midnight UTC) and any other columns; by PLACE, if
    there is such a column, the result is in order. `today`: the first day that is not closed.
    Raises FeatureRequestError if a row has no customer or no such day, if a day is later than
    `today`, or if a column has the name of a feature.
    """
    declared = list(features)
    _refuse_columns(entities, [feature.name for feature in declared])
    moment = F.expr("try_cast(as_of AS timestamp)")
    rows = entities.withColumns(
        {"as_of": moment.cast("date"), "_is_midnight": _is_midnight(moment)}
    )
    days = _days(rows, today)
    rows = rows.drop("_is_midnight")
    pairs = rows.select(*PAIR).distinct()
    customers = read_facts(read, "customers")
    vectors = compute_features(
        read(keys.DAILY_ACTIVITY),
        customers,
        days or [today],  # any day gives the columns of the empty result
        declared,
        history_start,
        pairs=pairs,
    )
    of_pairs = customers.join(pairs, "customer_id", "left_semi")
    known = customers_as_of(of_pairs, days or [today], ())
    unknown = pairs.join(known, list(PAIR), "left_anti")
    first = unknown.orderBy(*PAIR).limit(LISTED).collect()
    frame = rows.join(vectors, list(PAIR), "left")
    return HistoricalFeatures(
        frame=frame.orderBy(PLACE).drop(PLACE) if PLACE in frame.columns else frame,
        unknown=unknown.count() if len(first) == LISTED else len(first),
        unknown_pairs=[(row["customer_id"], row["as_of"]) for row in first],
    )


def refuse_open_day(as_of: date, today: date) -> None:
    """Raises FeatureRequestError if features as of the day can still change."""
    if as_of > today:
        raise FeatureRequestError(
            f"Features as of {as_of} can still change: data has been read up to {today}.",
            f"Ask for {today} or an earlier day.",
        )


def _is_midnight(moment: Column) -> Column:
    return F.coalesce(moment == F.date_trunc("day", moment), F.lit(False))


def _refuse_columns(entities: DataFrame, features: Sequence[str]) -> None:
    if missing := [name for name in PAIR if name not in entities.columns]:
        raise FeatureRequestError(
            f"The rows lack {' and '.join(missing)}.",
            "Give each row a customer_id and an as_of, the day whose features it needs.",
        )
    if taken := [name for name in entities.columns if name in features]:
        raise FeatureRequestError(
            f"The rows have columns with names of features: {', '.join(taken)}.",
            "Drop or rename these columns.",
        )


def _days(rows: DataFrame, today: date) -> list[date]:
    """The distinct days of the rows, all of which are usable."""
    by_day = rows.groupBy("as_of").agg(
        F.count_if(F.col("customer_id").isNull()).alias("without_customer"),
        F.count_if(~F.col("_is_midnight")).alias("not_midnight"),
    )
    days = by_day.collect()
    if count := sum(row["without_customer"] for row in days):
        raise FeatureRequestError(
            f"{count} rows have no customer_id.", "Leave them out, or fill it in."
        )
    if count := sum(row["not_midnight"] for row in days):
        raise FeatureRequestError(
            f"In {count} rows, as_of is no day and no midnight (UTC).",
            "Give days such as 2024-03-04: features are those known at the start of a day.",
        )
    as_ofs = sorted(row["as_of"] for row in days)
    if as_ofs:
        refuse_open_day(as_ofs[-1], today)
    return as_ofs
