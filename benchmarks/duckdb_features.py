"""The declared features as one duckdb query, as one would write it by hand. Measures nothing.

Totals per customer and day, then sums over windows per customer, then the expressions.
"""

from collections.abc import Sequence
from datetime import date, timedelta

from retention_assets.features.expressions import (
    DaysSince,
    Exposure,
    Expression,
    Ratio,
    SignedLogRatio,
    Sum,
    TenureDays,
    Variation,
    WeightedSum,
    WindowRate,
    last_date_measures,
    walk,
)
from retention_assets.features.feature import Feature
from retention_assets.features.measures import Measure


def features_query(
    lines: str,
    customers: str,
    measures: Sequence[Measure],
    features: Sequence[Feature],
    *,
    as_of: date,
    history_start: date,
) -> str:
    """`lines` and `customers`: patterns of Parquet files. A column per feature."""
    days = ", ".join(f"{_daily(measure)} AS {measure.name}" for measure in measures)
    parts = [feature.expression for feature in features]
    windows = {
        (part.measure, part.days, part.until)
        for item in parts
        for part in walk(item)
        if isinstance(part, Sum | WindowRate)
    }
    sums = [
        f"sum({measure}) FILTER ({_between(as_of, days_back, until)}) AS "
        f"{_column(measure, days_back, until)}"
        for measure, days_back, until in sorted(windows, key=str)
    ]
    lasts = [
        f"max(day) FILTER ({measure} > 0) AS {measure}_last"
        for measure in sorted(set().union(*map(last_date_measures, parts)))
    ]
    totals = ", ".join([*sums, *lasts])
    history = (as_of - history_start).days
    columns = ", ".join(f"{_sql(f.expression)} AS {f.name}" for f in features)
    return f"""
        WITH daily AS (
            SELECT customer_id, CAST(event_ts AT TIME ZONE 'UTC' AS DATE) AS day, {days}
            FROM '{lines}' GROUP BY ALL
        ), totals AS (
            SELECT customer_id, {totals} FROM daily WHERE day < DATE '{as_of}' GROUP BY customer_id
        ), known AS (
            SELECT c.customer_id, DATE '{as_of}' AS as_of, {history} AS history_days,
                DATE '{as_of}' - CAST(c.event_ts AT TIME ZONE 'UTC' AS DATE) AS tenure_days,
                totals.* EXCLUDE customer_id
            FROM '{customers}' c LEFT JOIN totals USING (customer_id)
        )
        SELECT customer_id, {columns} FROM known
    """


def _daily(measure: Measure) -> str:
    condition = f"FILTER ({_as_duckdb(measure.where)})"
    if measure.kind == "count":
        return f"count(*) {condition}"
    if measure.kind == "distinct":
        return f"count(DISTINCT {measure.value}) {condition}"
    return f"coalesce(sum({_as_duckdb(measure.value)}) {condition}, 0)"


def _as_duckdb(text: str) -> str:
    """A measure's expression, in which the days of the week begin with 1 and not with 0."""
    day = "CAST(event_ts AT TIME ZONE 'UTC' AS DATE)"
    return text.replace("dayofweek(event_date)", f"(1 + dayofweek({day}))")


def _between(as_of: date, days: int | None, until: int) -> str:
    end = f"day < DATE '{as_of - timedelta(days=until)}'"
    return end if days is None else f"{end} AND day >= DATE '{as_of - timedelta(days=days)}'"


def _column(measure: str, days: int | None, until: int) -> str:
    return f"{measure}_{'all' if days is None else days}_{until}"


def _sql(expression: Expression) -> str:
    """The expression over the columns of `known`."""
    match expression:
        case Sum(measure, days, until):
            return f"coalesce({_column(measure, days, until)}, 0)"
        case Exposure(days, until):
            window = "" if days is None else f"{days}, "
            return f"greatest(least({window}tenure_days, history_days) - {until}, 0)"
        case WindowRate(measure, days, until, per_days):
            total = _sql(Sum(measure, days, until))
            return _divided(f"({total} * {per_days})", _sql(Exposure(days, until)))
        case DaysSince(measure):
            return f"coalesce(as_of - {measure}_last, tenure_days)"
        case TenureDays():
            return "tenure_days"
        case Ratio(numerator, denominator):
            return _divided(_sql(numerator), _sql(denominator))
        case SignedLogRatio(recent, earlier):
            return f"({_signed_log(_sql(recent))} - {_signed_log(_sql(earlier))})"
        case WeightedSum(terms):
            return " + ".join(f"({_sql(term.expression)}) * {term.weight}" for term in terms)
        case Variation(parts):
            return _variation(f"[{', '.join(map(_sql, parts))}]")
        case _:
            raise NotImplementedError(f"No transaction feature has had a {expression!r} so far.")


def _variation(values: str) -> str:
    mean = f"list_avg({values})"
    return (
        f"CASE WHEN list_count({values}) > 1 AND {mean} > 0 "
        f"THEN list_stddev_pop({values}) / {mean} END"
    )


def _divided(numerator: str, denominator: str) -> str:
    return f"(CAST({numerator} AS DOUBLE) / nullif({denominator}, 0))"


def _signed_log(operand: str) -> str:
    return f"(sign({operand}) * ln(1 + abs({operand})))"
