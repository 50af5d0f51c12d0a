"""The algebra that features are written in: small frozen expressions over tiles and attributes at an as-of date t.

Pure data. `engine_spark.py` and `engine_python.py` give each expression its value; neither may know a feature by name.
Null means unknown and is passed on, except by `WeightedScore`, which leaves unknown components out.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TypeAlias


@dataclass(frozen=True)
class Sum:
    """Sum of a measure over event dates in [t - days, t - until); days None: since the beginning."""

    measure: str
    days: int | None = None
    until: int = 0


@dataclass(frozen=True)
class Exposure:
    """Days of [t - days, t - until) on which we could have seen the customer: after sign-up and after the source began."""

    days: int | None = None
    until: int = 0


@dataclass(frozen=True)
class WindowRate:
    """Sum over a window divided by its exposure, per `per_days` days; null without exposure."""

    measure: str
    days: int
    until: int = 0
    per_days: int = 1


@dataclass(frozen=True)
class DaysSince:
    """Days from the last event date on which the measure was above zero to t; from sign-up where there was none yet."""

    measure: str


@dataclass(frozen=True)
class TenureDays:
    """Days from sign-up to t."""


@dataclass(frozen=True)
class AttributeEquals:
    """1 where the customer's attribute, as text, has the value at t, else 0; null where the attribute is unknown."""

    attribute: str
    value: str


@dataclass(frozen=True)
class Ratio:
    """Numerator by denominator; null where the denominator is 0."""

    numerator: "Expression"
    denominator: "Expression"


@dataclass(frozen=True)
class SignedLogRatio:
    """slog(recent) - slog(earlier), slog(x) = sign(x) ln(1 + |x|): 0 for steady, symmetric, defined for refunds."""

    recent: "Expression"
    earlier: "Expression"


@dataclass(frozen=True)
class ScoreComponent:
    """A part of a score: x / (x + half) with x cut at 0, so that `half` is the x that earns half a point."""

    expression: "Expression"
    half: float
    weight: float


@dataclass(frozen=True)
class WeightedScore:
    """Weighted mean of components in [0, 1); unknown ones are left out and the weights of the others renormalised."""

    components: tuple[ScoreComponent, ...]


@dataclass(frozen=True)
class GreaterThan:
    """1 where the operand exceeds the limit, else 0."""

    operand: "Expression"
    limit: float


@dataclass(frozen=True)
class LessThan:
    """1 where the operand is under the limit, else 0."""

    operand: "Expression"
    limit: float


@dataclass(frozen=True)
class AllOf:
    """1 where every condition is 1, else 0; null where any is unknown."""

    conditions: tuple[GreaterThan | LessThan, ...]


Expression: TypeAlias = (
    Sum
    | Exposure
    | WindowRate
    | DaysSince
    | TenureDays
    | AttributeEquals
    | Ratio
    | SignedLogRatio
    | WeightedScore
    | GreaterThan
    | LessThan
    | AllOf
)


def walk(expression: "Expression | ScoreComponent") -> Iterator["Expression | ScoreComponent"]:
    """The expression and all that it is made of."""
    yield expression
    for field in fields(expression):
        value = getattr(expression, field.name)
        for part in value if isinstance(value, tuple) else (value,):
            if hasattr(part, "__dataclass_fields__"):
                yield from walk(part)


def measures(expression: Expression) -> set[str]:
    """Names of the measures that it reads."""
    return {part.measure for part in walk(expression) if isinstance(part, (Sum, WindowRate, DaysSince))}


def attributes(expression: Expression) -> set[str]:
    """Names of the customers' columns that it reads."""
    return {part.attribute for part in walk(expression) if isinstance(part, AttributeEquals)}


def offsets(expression: Expression) -> set[tuple[str, int]]:
    """(measure, w) for every running total "event dates before t - w" that its windows are differences of."""
    windows = {
        (part.measure, part.days, part.until)
        for part in walk(expression)
        if isinstance(part, (Sum, WindowRate))
    }
    starts = {(measure, days) for measure, days, _ in windows if days is not None}
    return starts | {(measure, until) for measure, _, until in windows}


def last_seen(expression: Expression) -> set[str]:
    """Measures whose last day it reads."""
    return {part.measure for part in walk(expression) if isinstance(part, DaysSince)}


def days_needed(expression: Expression) -> int | None:
    """How many days before t it reads; None: all there are."""
    if last_seen(expression) or any(
        isinstance(part, Sum) and part.days is None for part in walk(expression)
    ):
        return None
    return max((days for _, days in offsets(expression)), default=0)
