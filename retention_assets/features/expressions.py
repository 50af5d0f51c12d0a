"""The algebra of features: small frozen expressions over tiles and attributes at an as-of date t.

Pure data. `engine_spark.py` and `engine_python.py` evaluate each expression; neither may know a
feature by name. Null means unknown, and any expression of an unknown is unknown, except that
`WeightedScore` and `Variation` leave unknown parts out.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TypeAlias


@dataclass(frozen=True)
class Sum:
    """Sum of a measure over event dates in [t - days, t - until); days None: from the start."""

    measure: str
    days: int | None = None
    until: int = 0


@dataclass(frozen=True)
class Exposure:
    """Days of [t - days, t - until) after the customer's sign-up and after the source's start."""

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
    """Days to t from the last event date with the measure above zero; from sign-up if there is
    none.
    """

    measure: str


@dataclass(frozen=True)
class TenureDays:
    """Days from sign-up to t."""


@dataclass(frozen=True)
class AttributeEquals:
    """1 if the customer's attribute, as text, has the value at t, else 0; null if it is unknown."""

    attribute: str
    value: str


@dataclass(frozen=True)
class Ratio:
    """Numerator divided by denominator; null if the denominator is 0."""

    numerator: "Expression"
    denominator: "Expression"


@dataclass(frozen=True)
class SignedLogRatio:
    """slog(recent) - slog(earlier) with slog(x) = sign(x) ln(1 + |x|).

    It is 0 for steady values, symmetric, and defined for negative values (refunds).
    """

    recent: "Expression"
    earlier: "Expression"


@dataclass(frozen=True)
class ScoreComponent:
    """A part of a score: x / (x + half), negative x counts as 0; `half` is the x worth .5."""

    expression: "Expression"
    half: float
    weight: float


@dataclass(frozen=True)
class WeightedScore:
    """Weighted mean of the known components, in [0, 1)."""

    components: tuple[ScoreComponent, ...]


@dataclass(frozen=True)
class WeightedTerm:
    """A part of a weighted sum."""

    expression: "Expression"
    weight: float


@dataclass(frozen=True)
class WeightedSum:
    """Sum of the terms, each times its weight; null if any is unknown."""

    terms: tuple[WeightedTerm, ...]


@dataclass(frozen=True)
class Variation:
    """Coefficient of variation: standard deviation of the known parts divided by their mean.

    Null if fewer than two parts are known, or their mean is not above zero.
    """

    parts: tuple["Expression", ...]


@dataclass(frozen=True)
class GreaterThan:
    """1 if the operand exceeds the limit, else 0."""

    operand: "Expression"
    limit: float


@dataclass(frozen=True)
class LessThan:
    """1 if the operand is below the limit, else 0."""

    operand: "Expression"
    limit: float


@dataclass(frozen=True)
class AllOf:
    """1 if every condition is 1, else 0; null if any is unknown."""

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
    | WeightedSum
    | Variation
    | GreaterThan
    | LessThan
    | AllOf
)
Part: TypeAlias = Expression | ScoreComponent | WeightedTerm


def walk(expression: Part) -> Iterator[Part]:
    """The expression and all its parts."""
    yield expression
    for field in fields(expression):
        value = getattr(expression, field.name)
        for part in value if isinstance(value, tuple) else (value,):
            if hasattr(part, "__dataclass_fields__"):
                yield from walk(part)


def measure_names(expression: Expression) -> set[str]:
    """Names of the measures that it reads."""
    return {
        part.measure for part in walk(expression) if isinstance(part, (Sum, WindowRate, DaysSince))
    }


def attribute_names(expression: Expression) -> set[str]:
    """Names of the columns of `customers` that it reads."""
    return {part.attribute for part in walk(expression) if isinstance(part, AttributeEquals)}


def window_totals(expression: Expression) -> set[tuple[str, int]]:
    """(measure, w) of each running total over event dates before t - w that its windows need.

    A window is the difference of two such totals.
    """
    windows = {
        (part.measure, part.days, part.until)
        for part in walk(expression)
        if isinstance(part, (Sum, WindowRate))
    }
    starts = {(measure, days) for measure, days, _ in windows if days is not None}
    return starts | {(measure, until) for measure, _, until in windows}


def last_date_measures(expression: Expression) -> set[str]:
    """Measures whose last event date it reads."""
    return {part.measure for part in walk(expression) if isinstance(part, DaysSince)}


def days_needed(expression: Expression) -> int | None:
    """How many days before t it reads; None: all."""
    if last_date_measures(expression) or any(
        isinstance(part, Sum) and part.days is None for part in walk(expression)
    ):
        return None
    return max((days for _, days in window_totals(expression)), default=0)
