"""The features of one customer at one as-of date, from the same declarations and tiles, in plain Python.

For the single-customer path and as a second opinion on `engine_spark.py`: a parity test holds both to the same numbers.
No pandas, no Spark; facts come as mappings, dates as `datetime.date`, times as UTC `datetime`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from retention_assets.features.declarations import Feature
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
    WeightedScore,
    WindowRate,
)
from retention_assets.features.measures import UNITS

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Customer:
    """One customer at t: the tiles known by then, the latest attributes, and the days that could be seen."""

    as_of: date
    tiles: Sequence[Row]
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
    """Feature name -> value, None where unknown; None instead of a dict where the customer is not known at `as_of`.

    `tiles`: the customer's rows of features/daily_activity. `customers`: its rows of validated/customers.
    """
    known = sorted(
        (row for row in customers if _known(row, as_of)),
        key=lambda row: (row["event_ts"], row["ingested_ts"]),
    )
    if not known:
        return None
    customer = Customer(
        as_of=as_of,
        tiles=[
            tile for tile in tiles if tile["event_date"] < as_of and tile["known_date"] <= as_of
        ],
        attributes=known[-1],
        tenure_days=(as_of - known[0]["event_ts"].date()).days,
        history_days=(as_of - history_start).days,
    )
    values = {feature.name: value(feature.expression, customer) for feature in declarations}
    return {name: None if one is None else float(one) for name, one in values.items()}


def value(expression: Expression, customer: Customer) -> float | None:
    """The expression's value for one customer."""
    match expression:
        case Sum(measure, days, until):
            return _sum(customer, measure, days, until)
        case Exposure(days, until):
            return _exposure(customer, days, until)
        case WindowRate(measure, days, until, per_days):
            rate = _divided(_sum(customer, measure, days, until), _exposure(customer, days, until))
            return None if rate is None else rate * per_days
        case DaysSince(measure):
            last = max(
                (tile["event_date"] for tile in customer.tiles if tile[measure] > 0), default=None
            )
            return customer.tenure_days if last is None else (customer.as_of - last).days
        case TenureDays():
            return customer.tenure_days
        case AttributeEquals(attribute, wanted):
            held = customer.attributes[attribute]
            return None if held is None else float(_text(held) == wanted)
        case Ratio(numerator, denominator):
            return _divided(value(numerator, customer), value(denominator, customer))
        case SignedLogRatio(recent, earlier):
            now, before = (
                _signed_log(value(recent, customer)),
                _signed_log(value(earlier, customer)),
            )
            return None if now is None or before is None else now - before
        case WeightedScore(components):
            return _score(components, customer)
        case GreaterThan(operand, limit):
            operand_value = value(operand, customer)
            return None if operand_value is None else float(operand_value > limit)
        case LessThan(operand, limit):
            operand_value = value(operand, customer)
            return None if operand_value is None else float(operand_value < limit)
        case AllOf(conditions):
            held_all = [value(condition, customer) for condition in conditions]
            return None if None in held_all else float(all(held_all))


def _known(row: Row, as_of: date) -> bool:
    t = datetime.combine(as_of, time(), row["event_ts"].tzinfo and UTC)
    return row["event_ts"] < t and row["ingested_ts"] <= t


def _sum(customer: Customer, measure: str, days: int | None, until: int) -> float:
    before = customer.as_of - timedelta(days=until)
    start = date.min if days is None else customer.as_of - timedelta(days=days)
    inside = [tile[measure] for tile in customer.tiles if start <= tile["event_date"] < before]
    return sum(round(one * UNITS) for one in inside) / UNITS


def _exposure(customer: Customer, days: int | None, until: int) -> int:
    seen = min(customer.tenure_days, customer.history_days)
    return max((seen if days is None else min(days, seen)) - until, 0)


def _divided(numerator: float | None, denominator: float | None) -> float | None:
    return None if numerator is None or not denominator else numerator / denominator


def _signed_log(operand: float | None) -> float | None:
    return None if operand is None else math.copysign(math.log1p(abs(operand)), operand)


def _score(components: Sequence[ScoreComponent], customer: Customer) -> float | None:
    values = [(value(part.expression, customer), part) for part in components]
    known = [(max(one, 0.0), part) for one, part in values if one is not None]
    points = sum(one / (one + part.half) * part.weight for one, part in known)
    return _divided(points, sum(part.weight for _, part in known))


def _text(held: object) -> str:
    """As Spark casts to text."""
    return str(held).lower() if isinstance(held, bool) else str(held)
