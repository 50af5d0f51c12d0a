"""What a valid row obeys, derived from the table contracts as data. The split and the suite both read these rules.

A rule is text only: Spark SQL that says "broken", a reason for people, and the expectation that says the same in
Great Expectations. Nothing is computed here.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from retention_assets.sources.contracts import Column, Table

# Which copy a row is among the sound rows of its key, 1 the one that is kept; added by the split.
COPY = "_copy"
SEPARATOR = "; "
NOT_NULL = "ExpectColumnValuesToNotBeNull"


@dataclass(frozen=True)
class Rule:
    """One rule. `broken` is Spark SQL (null: not broken); `expectation` names a GX class, called with `arguments`.

    `sees` is the Spark SQL of a column called like the rule, for what no expectation can judge on the columns as they are.
    `covered_by` names a rule that explains the same fault better, so that a row gets one reason for it.
    """

    name: str
    reason: str
    broken: str
    expectation: str
    arguments: Mapping[str, Any] = field(hash=False)
    sees: str | None = None
    covered_by: str | None = None

    @property
    def of_key(self) -> bool:
        """Whether it judges a row among those of its key, rather than the row alone."""
        return self.arguments["column"] == COPY

    @property
    def judges(self) -> str:
        """Spark SQL that is null where the expectation finds nothing to judge: a missing value breaks only what asks for one."""
        return "true" if self.expectation == NOT_NULL else self.sees or self.arguments["column"]


def rules_of(table: Table) -> list[Rule]:
    """All rules of a table. The last one, uniqueness of the key, judges only rows that break no other."""
    of_columns = (rule for column in table.columns for rule in column_rules(column))
    return [*of_columns, KNOWN_AFTER, *([] if table.valid_until_replaced else [IN_PARTITION]), unique(table)]


def column_rules(column: Column) -> Iterator[Rule]:
    """The rules of one column: there, readable, in its set, within its bounds."""
    typed = column.type != "string"
    if column.required:
        yield not_null(column.name, typed)
    if column.required and not typed and not column.allowed:
        yield not_blank(column.name)
    if typed:
        yield readable(column)
    if column.type == "double":
        yield finite(column.name)
    if column.allowed:
        yield in_set(column)
    if any(
        bound is not None for bound in (column.minimum, column.exclusive_minimum, column.maximum)
    ):
        yield between(column)


def not_null(name: str, typed: bool) -> Rule:
    covered_by = f"{name}_readable" if typed else None
    arguments = {"column": name}
    return Rule(
        f"{name}_not_null",
        f"{name} is missing",
        f"{name} IS NULL",
        NOT_NULL,
        arguments,
        None,
        covered_by,
    )


def not_blank(name: str) -> Rule:
    arguments = {"column": name, "regex": "[^ ]"}
    return Rule(
        f"{name}_not_blank",
        f"{name} is blank",
        f"trim({name}) = ''",
        "ExpectColumnValuesToMatchRegex",
        arguments,
    )


def readable(column: Column) -> Rule:
    name = f"{column.name}_readable"
    unreadable = f"coalesce(array_contains(parse_errors, '{column.name}'), false)"
    return expression_rule(name, f"{column.name} cannot be read as {column.type}", unreadable)


def finite(name: str) -> Rule:
    """NaN sorts above all numbers in Spark, so it passes a minimum; one NaN would spoil every sum that it enters."""
    limit = sys.float_info.max
    arguments = {"column": name, "min_value": -limit, "max_value": limit}
    broken = f"isnan({name}) OR abs({name}) = double('infinity')"
    return Rule(
        f"{name}_finite",
        f"{name} must be a finite number",
        broken,
        "ExpectColumnValuesToBeBetween",
        arguments,
    )


def in_set(column: Column) -> Rule:
    allowed = ", ".join(f"'{value}'" for value in column.allowed)
    arguments = {"column": column.name, "value_set": list(column.allowed)}
    reason = f"{column.name} must be one of {', '.join(column.allowed)}"
    broken = f"{column.name} NOT IN ({allowed})"
    return Rule(f"{column.name}_in_set", reason, broken, "ExpectColumnValuesToBeInSet", arguments)


def between(column: Column) -> Rule:
    name, strict = column.name, column.exclusive_minimum is not None
    low, high = column.exclusive_minimum if strict else column.minimum, column.maximum
    sides = [f"{name} {'<=' if strict else '<'} {low}"] * (low is not None) + [
        f"{name} > {high}"
    ] * (high is not None)
    arguments = {"column": name, "min_value": low, "max_value": high, "strict_min": strict}
    title = f"{name}_{'above' if strict else 'between'}_{_spoken(low, '-inf')}_and_{_spoken(high, 'inf')}"
    reason = f"{name} must be {_bounds(low, high, strict)}"
    return Rule(title, reason, " OR ".join(sides), "ExpectColumnValuesToBeBetween", arguments)


def unique(table: Table) -> Rule:
    """Counts copies above the first: GX's own uniqueness calls every member of a repeated key broken, the kept one too."""
    key = ", ".join(table.key)
    arguments = {"column": COPY, "max_value": 1}
    reason = f"duplicate of an earlier row with the same {key}"
    return Rule(
        f"{'_'.join(table.key)}_unique",
        reason,
        f"{COPY} > 1",
        "ExpectColumnValuesToBeBetween",
        arguments,
    )


def expression_rule(name: str, reason: str, broken: str) -> Rule:
    """A rule whose verdict is a column of our own, true where the row is sound."""
    arguments = {"column": name, "value_set": [True]}
    return Rule(
        name, reason, broken, "ExpectColumnValuesToBeInSet", arguments, sees=f"NOT ({broken})"
    )


KNOWN_AFTER = expression_rule(
    "event_not_after_ingestion", "event_ts is later than ingested_ts", "event_ts > ingested_ts"
)
IN_PARTITION = expression_rule(
    "event_in_partition", "event_ts lies outside its partition", "event_date <> to_date(event_ts)"
)


def _bounds(low: float | None, high: float | None, strict: bool) -> str:
    """`> 0`, `>= 0`, `<= 5`, `>= 1 and <= 5`."""
    sides = [f"{'>' if strict else '>='} {low:g}"] if low is not None else []
    return " and ".join(sides + ([f"<= {high:g}"] if high is not None else []))


def _spoken(bound: float | None, none: str) -> str:
    """A bound as part of a check's name, which holds only letters, digits and underscores."""
    return (
        (none if bound is None else f"{bound:g}")
        .replace("-", "minus_")
        .replace(".", "_")
        .replace("+", "")
    )
