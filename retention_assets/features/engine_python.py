"""The features of one customer at one as-of date, from the same declarations and tiles, in Python.

For the single-customer path, and to check `engine_spark.py`: a parity test compares their results.
No pandas, no Spark; facts are mappings, dates `datetime.date`, times UTC `datetime`.
"""

import math
import operator
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import reduce
from typing import Any, Protocol

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
    WeightedTerm,
    WindowRate,
)
from retention_assets.features.feature import Feature
from retention_assets.features.measures import UNITS

Row = Mapping[str, Any]


class Activity(Protocol):
    """What a customer did, as known at t."""

    def total(self, measure: str, days: int | None, until: int) -> float:
        """The sum over event dates in [t - days, t - until); days None: from the start."""
        ...

    def last_day(self, measure: str) -> date | None:
        """The last day on which the measure is above zero, what was taken back included."""
        ...


@dataclass(frozen=True)
class TileActivity:
    """An activity by the tiles that are known at t."""

    as_of: date
    tiles: Sequence[Row]

    def total(self, measure: str, days: int | None, until: int) -> float:
        before = self.as_of - timedelta(days=until)
        start = date.min if days is None else self.as_of - timedelta(days=days)
        values = [tile[measure] for tile in self.tiles if start <= tile["event_date"] < before]
        return sum(round(value * UNITS) for value in values) / UNITS

    def last_day(self, measure: str) -> date | None:
        totals: Counter[date] = Counter()
        for tile in self.tiles:
            totals[tile["event_date"]] += round(tile[measure] * UNITS)
        return max((day for day, total in totals.items() if total > 0), default=None)


@dataclass(frozen=True)
class Customer:
    """One customer at t: activity and attributes known by then, days since sign-up and start."""

    as_of: date
    activity: Activity
    attributes: Row
    tenure_days: int
    history_days: int


def compute_features(
    tiles: Iterable[Row],
    customers: Iterable[Row],
    as_of: date,
    declarations: Iterable[Feature],
    history_start: date,
) -> dict[str, float | None] | None:
    """Feature name -> value, None if unknown; None instead of a dict if the customer is not known
    yet.

    `tiles`: the customer's rows of features/daily_activity. `customers`: its rows of
    validated/customers, with `replaced_on`.
    """
    known = sorted(
        (row for row in customers if _known(row, as_of)),
        key=lambda row: (row["event_ts"], row["ingested_ts"], row["stated_ts"]),
    )
    if not known:
        return None
    known_tiles = [
        tile for tile in tiles if tile["event_date"] < as_of and tile["arrival_date"] < as_of
    ]
    customer = Customer(
        as_of=as_of,
        activity=TileActivity(as_of, known_tiles),
        attributes=known[-1],
        tenure_days=(as_of - known[0]["event_ts"].date()).days,
        history_days=(as_of - history_start).days,
    )
    values = {feature.name: evaluate(feature.expression, customer) for feature in declarations}
    return {name: None if value is None else float(value) for name, value in values.items()}


def evaluate(expression: Expression, customer: Customer) -> float | None:
    """The expression's value for one customer."""
    match expression:
        case Sum(measure, days, until):
            return customer.activity.total(measure, days, until)
        case Exposure(days, until):
            return _exposure(customer, days, until)
        case WindowRate(measure, days, until, per_days):
            total = customer.activity.total(measure, days, until)
            rate = _divided(total, _exposure(customer, days, until))
            return None if rate is None else rate * per_days
        case DaysSince(measure):
            last = customer.activity.last_day(measure)
            return customer.tenure_days if last is None else (customer.as_of - last).days
        case TenureDays():
            return customer.tenure_days
        case AttributeEquals(attribute, expected):
            actual = customer.attributes[attribute]
            return None if actual is None else float(_text(actual) == expected)
        case Ratio(numerator, denominator):
            return _divided(evaluate(numerator, customer), evaluate(denominator, customer))
        case SignedLogRatio(recent, earlier):
            now = _signed_log(evaluate(recent, customer))
            before = _signed_log(evaluate(earlier, customer))
            return None if now is None or before is None else now - before
        case WeightedScore(components):
            return _score(components, customer)
        case WeightedSum(terms):
            return _weighted_sum(terms, customer)
        case Variation(parts):
            return _variation([evaluate(part, customer) for part in parts])
        case GreaterThan(operand, limit):
            operand_value = evaluate(operand, customer)
            return None if operand_value is None else float(operand_value > limit)
        case LessThan(operand, limit):
            operand_value = evaluate(operand, customer)
            return None if operand_value is None else float(operand_value < limit)
        case AllOf(conditions):
            values = [evaluate(condition, customer) for condition in conditions]
            return None if None in values else float(all(values))


def _known(row: Row, as_of: date) -> bool:
    t = datetime.combine(as_of, time(), row["event_ts"].tzinfo and UTC)
    is_replaced = row["replaced_on"] is not None and row["replaced_on"] < as_of
    return row["event_ts"] < t and row["ingested_ts"] < t and not is_replaced


def _exposure(customer: Customer, days: int | None, until: int) -> int:
    observable = min(customer.tenure_days, customer.history_days)
    return max((observable if days is None else min(days, observable)) - until, 0)


def _divided(numerator: float | None, denominator: float | None) -> float | None:
    return None if numerator is None or not denominator else numerator / denominator


def _signed_log(operand: float | None) -> float | None:
    return None if operand is None else math.copysign(math.log1p(abs(operand)), operand)


def _score(components: Sequence[ScoreComponent], customer: Customer) -> float | None:
    values = [(evaluate(part.expression, customer), part) for part in components]
    known = [(max(value, 0.0), part) for value, part in values if value is not None]
    points = sum(value / (value + part.half) * part.weight for value, part in known)
    return _divided(points, sum(part.weight for _, part in known))


def _weighted_sum(terms: Sequence[WeightedTerm], customer: Customer) -> float | None:
    values = [(evaluate(term.expression, customer), term.weight) for term in terms]
    products = [value * weight for value, weight in values if value is not None]
    return _added(products) if len(products) == len(terms) else None


def _variation(parts: Sequence[float | None]) -> float | None:
    """In Welford's one pass, as in Spark: where the mean is near zero, other ways of adding differ
    in whether it is above.
    """
    count = 0
    mean = 0.0
    squares = 0.0
    for part in parts:
        if part is None:
            continue
        count += 1
        change = part - mean
        mean += change / count
        squares += change * (part - mean)
    return math.sqrt(squares / count) / mean if count > 1 and mean > 0 else None


def _added(values: Iterable[float]) -> float:
    """Sum from left to right, as Spark adds: `sum` corrects rounding errors."""
    return reduce(operator.add, values, 0.0)


def _text(value: object) -> str:
    """As Spark casts to text."""
    return str(value).lower() if isinstance(value, bool) else str(value)
