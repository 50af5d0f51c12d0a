"""The features of all customers at many as-of dates, in one pass of native Spark expressions.

A window sum is the difference of two running totals over event dates before t - w, known by t, and
each tile enters such a total on one date. So tiles are read once for any number of as-of dates.
No feature is known here by name.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retention_assets.features.expressions import (
    AllOf,
    AttributeEquals,
    DaysSince,
    Exposure,
    Expression,
    GreaterThan,
    LessThan,
    Ratio,
    ScoreComponent,
    SignedLogRatio,
    Sum,
    TenureDays,
    Variation,
    WeightedScore,
    WeightedSum,
    WindowRate,
    attribute_names,
)
from retention_assets.features.feature import Feature
from retention_assets.features.measures import UNITS
from retention_assets.features.point_in_time import customers_as_of
from retention_assets.features.running_totals import (
    RequiredTotals,
    last_column,
    total_column,
    with_totals,
)


def compute_features(
    tiles: DataFrame,
    customers: DataFrame,
    as_ofs: Sequence[date],
    declarations: Iterable[Feature],
    history_start: date,
    *,
    pairs: DataFrame | None = None,
) -> DataFrame:
    """One row per customer and as-of date t, for every customer known at t.

    `tiles`: features/daily_activity. `customers`: validated/customers. `history_start`: first day
    that the source could have recorded. `pairs`: the (customer_id, as_of) that rows are limited to,
    with dates of `as_ofs`; None: no limit. Columns: customer_id, as_of (date), and a double per
    feature, null if unknown.
    """
    features = list(declarations)
    parts = [feature.expression for feature in features]
    if pairs is not None:
        tiles = tiles.join(pairs, "customer_id", "left_semi")
        customers = customers.join(pairs, "customer_id", "left_semi")
    totals = totals_as_of(tiles, customers, as_ofs, parts, pairs=pairs)
    days = {
        "tenure_days": F.date_diff("as_of", "signup_date"),
        "history_days": F.date_diff("as_of", F.lit(history_start)),
    }
    # With a leading underscore, because a feature may be called tenure_days.
    context = totals.withColumns({f"_{name}": column for name, column in days.items()})
    return context.select(
        "customer_id",
        "as_of",
        *[evaluate(f.expression).cast("double").alias(f.name) for f in features],
    )


def totals_as_of(
    tiles: DataFrame,
    customers: DataFrame,
    as_ofs: Sequence[date],
    expressions: Sequence[Expression],
    *,
    pairs: DataFrame | None = None,
) -> DataFrame:
    """What the expressions are evaluated from: per customer and as-of date the sign-up date, the
    attributes, and the columns of `RequiredTotals`. Arguments as of `compute_features`.
    """
    as_of_dates = sorted(set(as_ofs))
    attributes = set().union(*map(attribute_names, expressions))
    known = customers_as_of(customers, as_of_dates, attributes)
    if pairs is not None:
        known = known.join(pairs, ["customer_id", "as_of"], "left_semi")
    return with_totals(known, tiles, as_of_dates, RequiredTotals.of(expressions))


def evaluate(expression: Expression) -> Column:
    """The expression over the columns of `with_totals`, `_tenure_days` and `_history_days`."""
    match expression:
        case Sum(measure, days, until):
            return _sum(measure, days, until)
        case Exposure(days, until):
            return _exposure(days, until)
        case WindowRate(measure, days, until, per_days):
            return _divided(_sum(measure, days, until), _exposure(days, until)) * F.lit(
                float(per_days)
            )
        case DaysSince(measure):
            since = F.date_diff("as_of", F.col(last_column(measure)))
            return F.coalesce(since, F.col("_tenure_days"))
        case TenureDays():
            return F.col("_tenure_days")
        case AttributeEquals(attribute, expected):
            return (F.col(attribute) == expected).cast("int")
        case Ratio(numerator, denominator):
            return _divided(evaluate(numerator), evaluate(denominator))
        case SignedLogRatio(recent, earlier):
            return _signed_log(evaluate(recent)) - _signed_log(evaluate(earlier))
        case WeightedScore(components):
            return _score(components)
        case WeightedSum(terms):
            return _added([evaluate(term.expression) * F.lit(term.weight) for term in terms])
        case Variation(parts):
            return _variation([evaluate(part).cast("double") for part in parts])
        case GreaterThan(operand, limit):
            return (evaluate(operand) > limit).cast("int")
        case LessThan(operand, limit):
            return (evaluate(operand) < limit).cast("int")
        case AllOf(conditions):
            return reduce(lambda left, right: left * right, map(evaluate, conditions))


def _sum(measure: str, days: int | None, until: int) -> Column:
    total = F.col(total_column(measure, until))
    if days is not None:
        total = total - F.col(total_column(measure, days))
    return total / F.lit(float(UNITS))


def _exposure(days: int | None, until: int) -> Column:
    window = [F.lit(days)] if days is not None else []
    observable = F.least(*window, F.col("_tenure_days"), F.col("_history_days"))
    return F.greatest(observable - until, F.lit(0))


def _divided(numerator: Column, denominator: Column) -> Column:
    return numerator.cast("double") / F.nullif(denominator.cast("double"), F.lit(0.0))


def _signed_log(operand: Column) -> Column:
    return F.signum(operand) * F.log1p(F.abs(operand))


def _score(components: Sequence[ScoreComponent]) -> Column:
    points = []
    weights = []
    for part in components:
        value = evaluate(part.expression)
        x = F.when(value.isNotNull(), F.greatest(value, F.lit(0.0)))
        points.append(x / (x + part.half) * part.weight)
        weights.append(F.when(x.isNotNull(), F.lit(part.weight)))
    return _divided(_total(points), _total(weights))


def _total(terms: Sequence[Column]) -> Column:
    """Sum with nulls as 0, from left to right."""
    return _added([F.coalesce(term, F.lit(0.0)) for term in terms])


def _added(terms: Sequence[Column]) -> Column:
    """Sum from left to right; null if any term is."""
    return reduce(lambda left, right: left + right, terms)


def _variation(parts: Sequence[Column]) -> Column:
    """Welford's one pass: it reads each part once, where nested expressions of the mean repeat all
    of them.
    """
    none = F.struct(*(F.lit(0.0).alias(name) for name in ("count", "mean", "squares")))
    return F.aggregate(F.array_compact(F.array(*parts)), none, _with_part, _spread)


def _with_part(so_far: Column, part: Column) -> Column:
    count = so_far["count"] + 1.0
    change = part - so_far["mean"]
    mean = so_far["mean"] + change / count
    squares = so_far["squares"] + change * (part - mean)
    return F.struct(count.alias("count"), mean.alias("mean"), squares.alias("squares"))


def _spread(total: Column) -> Column:
    deviation = F.sqrt(total["squares"] / total["count"])
    return F.when((total["count"] > 1) & (total["mean"] > 0), deviation / total["mean"])
