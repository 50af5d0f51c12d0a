"""The rules that a valid row obeys, derived from the table contracts. The split and the suites both
read them.

A rule is text only: Spark SQL that is true for a broken row, a reason for people, and the Great
Expectations expectation with the same meaning. Nothing is computed here.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from retention_assets.sources.contracts import MAX_ID_CHARS, ROW_FAULTS, CanonicalColumn, Table

# Column that the split adds: what an unbroken row is among the rows with its key (versions.py).
VERSION = "_version"
FACT = "fact"  # says something new, and holds from its arrival on
REPEAT = "repeat"  # says what was said before
STALE = "stale"  # was stated before what is known already
CONFLICT = "conflict"  # another row with the same times is the fact
SEPARATOR = "; "
NOT_NULL = "ExpectColumnValuesToNotBeNull"


@dataclass(frozen=True)
class Rule:
    """One rule. `broken` is Spark SQL (null: not broken); `expectation` names a GX class, called
    with `arguments`.

    `projection` is the Spark SQL of an extra column with the rule's name, for rules that no
    expectation can check on the table's own columns. `covered_by` names rules that explain the
    same fault better, so that a row gets one reason for it. `of_key`: it compares a row with the
    other rows of its key, so it checks only rows that break no other rule.
    """

    name: str
    reason: str
    broken: str
    expectation: str
    arguments: Mapping[str, Any] = field(hash=False)
    projection: str | None = None
    covered_by: tuple[str, ...] = tuple(ROW_FAULTS)
    of_key: bool = False

    @property
    def checked_value(self) -> str:
        """Spark SQL that is null where the rule does not apply: a missing value breaks only a
        not-null rule.
        """
        if self.expectation == NOT_NULL:
            return "true"
        return self.projection or self.arguments["column"]


def rules_of(table: Table, start: date) -> list[Rule]:
    """All rules of a table of a source that starts on this day."""
    rules = [row_fault(name, reason) for name, reason in ROW_FAULTS.items()]
    rules += [rule for column in table.columns for rule in column_rules(column)]
    rules.append(NOT_AFTER_INGESTION)
    if not table.may_precede_start:
        rules.append(not_before_start(start))
    return [*rules, *version_rules(table.key)]


def column_rules(column: CanonicalColumn) -> Iterator[Rule]:
    """The rules of one column: not null, readable, in its set, within its bounds."""
    typed = column.type != "string"
    if column.required:
        yield ARRIVAL_STATED if column.name == "ingested_ts" else not_null(column.name, typed)
    if column.required and not typed and not column.allowed:
        yield not_blank(column.name)
    if column.name == "customer_id":
        yield requestable(column.name)
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
    covered_by = (f"{name}_readable", *ROW_FAULTS) if typed else tuple(ROW_FAULTS)
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


def requestable(name: str) -> Rule:
    """The HTTP interface accepts no other ids, so nobody could ask for such a customer."""
    arguments = {"column": name, "regex": rf"^[^\x00-\x1f\x7f]{{0,{MAX_ID_CHARS}}}$"}
    return Rule(
        f"{name}_requestable",
        f"{name} has a control character or more than {MAX_ID_CHARS} characters",
        rf"{name} RLIKE '[\\x00-\\x1f\\x7f]' OR length({name}) > {MAX_ID_CHARS}",
        "ExpectColumnValuesToMatchRegex",
        arguments,
    )


def row_fault(name: str, reason: str) -> Rule:
    """A fault of the source row as a whole, which reading found."""
    rule = expression_rule(name, reason, f"coalesce(row_fault = '{reason}', false)")
    return replace(rule, covered_by=())


def readable(column: CanonicalColumn) -> Rule:
    name = f"{column.name}_readable"
    unreadable = f"coalesce(array_contains(parse_errors, '{column.name}'), false)"
    return expression_rule(name, f"{column.name} cannot be read as {column.type}", unreadable)


def finite(name: str) -> Rule:
    """NaN sorts above all numbers in Spark, so it passes a minimum; one NaN would make every sum
    with it NaN.
    """
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


def in_set(column: CanonicalColumn) -> Rule:
    allowed = ", ".join(f"'{value}'" for value in column.allowed)
    arguments = {"column": column.name, "value_set": list(column.allowed)}
    reason = f"{column.name} must be one of {', '.join(column.allowed)}"
    broken = f"{column.name} NOT IN ({allowed})"
    return Rule(f"{column.name}_in_set", reason, broken, "ExpectColumnValuesToBeInSet", arguments)


def between(column: CanonicalColumn) -> Rule:
    name = column.name
    strict = column.exclusive_minimum is not None
    low = column.exclusive_minimum if strict else column.minimum
    high = column.maximum
    outside = []
    if low is not None:
        outside.append(f"{name} {'<=' if strict else '<'} {low}")
    if high is not None:
        outside.append(f"{name} > {high}")
    link = "up_to" if strict and high is not None else "and"
    limits = f"{_name_part(low, '-inf')}_{link}_{_name_part(high, 'inf')}"
    return Rule(
        f"{name}_{'above' if strict else 'between'}_{limits}",
        f"{name} must be {_bounds(low, high, strict)}",
        " OR ".join(outside),
        "ExpectColumnValuesToBeBetween",
        {"column": name, "min_value": low, "max_value": high, "strict_min": strict},
    )


def version_rules(key: Sequence[str]) -> Iterator[Rule]:
    """What keeps a row with a known key from being its next version."""
    names = ", ".join(key)
    reasons = {
        STALE: f"stale: a row with the same {names} was stated later and is known already",
        CONFLICT: f"conflict: another row with the same {names} was stated at the same time",
    }
    for version, reason in reasons.items():
        rule = expression_rule(f"{'_'.join(key)}_not_{version}", reason, f"{VERSION} = '{version}'")
        yield replace(rule, of_key=True)


def expression_rule(name: str, reason: str, broken: str) -> Rule:
    """A rule that no expectation has: its extra column is true where the row is valid."""
    return Rule(
        name,
        reason,
        broken,
        "ExpectColumnValuesToBeInSet",
        {"column": name, "value_set": [True]},
        projection=f"NOT ({broken})",
    )


def not_before_start(start: date) -> Rule:
    """What happened before the source's first day is a mistake such as 1970-01-01, or is cut off
    by the profile.
    """
    return expression_rule(
        "event_not_before_start",
        "event_ts is before the source's start",
        f"event_ts < timestamp'{start}'",
    )


NOT_AFTER_INGESTION = expression_rule(
    "event_not_after_ingestion",
    "event_ts is later than ingested_ts",
    "event_ts > least(stated_ts, ingested_ts)",
)
# The platform always knows when it learned of a row; the source may have failed to say it.
ARRIVAL_STATED = Rule(
    "ingested_ts_not_null",
    "ingested_ts is missing",
    "stated_ts IS NULL",
    NOT_NULL,
    {"column": "stated_ts"},
    None,
    ("ingested_ts_readable", "event_ts_not_null", "event_ts_readable", *ROW_FAULTS),
)


def _bounds(low: float | None, high: float | None, strict: bool) -> str:
    """`> 0`, `>= 0`, `<= 5`, `>= 1 and <= 5`."""
    sides = [f"{'>' if strict else '>='} {low:g}"] if low is not None else []
    return " and ".join(sides + ([f"<= {high:g}"] if high is not None else []))


def _name_part(bound: float | None, none: str) -> str:
    """A bound as part of a check's name, which may have only letters, digits and underscores."""
    text = none if bound is None else f"{bound:g}"
    return text.replace("-", "minus_").replace(".", "_").replace("+", "")
