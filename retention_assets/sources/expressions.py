"""Reads the SQL of a profile without Spark: the columns that an expression names, and its casts
made non-failing and strict.
"""

import re
from collections.abc import Iterable

# SQL words that are not columns unless a parenthesis follows.
_SQL_WORDS = frozenset({
    "and", "or", "not", "null", "is", "in", "case", "when", "then", "else", "end", "as", "like",
    "ilike", "rlike", "regexp", "between", "true", "false", "distinct", "interval", "div", "mod",
    "for", "from", "trailing", "leading", "both", "string", "int", "integer", "bigint", "long",
    "smallint", "tinyint", "double", "float", "decimal", "numeric", "boolean", "binary", "date",
    "timestamp", "timestamp_ntz", "current_date", "current_timestamp", "year", "years", "month",
    "months", "week", "weeks", "day", "days", "hour", "hours", "minute", "minutes", "second",
    "seconds",
})  # fmt: skip
_QUOTED_TEXT = re.compile(r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"")
# Where a word is never a column, even if a column has that name: cast types, literals, intervals.
_NOT_NAMES = re.compile(
    r"\bas\s+\w+(?:\s*\([\d\s,]*\))?\s*(?=\))|\b(?:date|timestamp)\s*''|\binterval\s+\S+\s+\w+|::\s*\w+",
    re.IGNORECASE,
)
_NAME = re.compile(r"`([^`]+)`|\b([A-Za-z_]\w*)\b(?!\s*\()")
_STRICT_CALLS = re.compile(r"\b(cast|try_cast|to_timestamp|to_date|to_number)\s*\(", re.IGNORECASE)
_DOUBLE_COLON = re.compile(r"::\s*(\w+(?:\s*\([\d\s,]*\))?)")
_AS_TYPE = re.compile(r"\bas\s+(\w+(?:\s*\([\d\s,]*\))?)\s*$", re.IGNORECASE)
_DIVISION = re.compile(r"[/%\[]|\b(?:div|mod|pmod|element_at|make_date|make_timestamp)\b", re.I)
_PROVIDES_FOR_NULL = re.compile(r"\b(?:case|if|nullif|try_\w+)\b", re.IGNORECASE)
_NUMBER_TYPE = re.compile(
    r"(?:tiny|small|big)?int|integer|long|short|byte|float|double|(?:decimal|numeric).*"
)

# What a text must look like to be a number or a moment; the syntax is Java's and Python's.
NUMBER = r"^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?$"
MOMENT = (
    r"^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
    r"([ T][0-9]{1,2}:[0-9]{1,2}(:[0-9]{1,2}([.][0-9]+)?)?( ?[A-Za-z0-9+:/_-]+)?)?$"
)
MOMENT_TYPES = ("timestamp", "timestamp_ntz", "date")
# Spark alone reads every number but 0 as true.
FLAG = r"(?i)^([01]([.]0*)?|true|false|t|f|yes|no|y|n)$"


def names_in(sql: str, declared: Iterable[str] = ()) -> set[str]:
    """Columns that the expression names.

    Empty if it defines names itself (a lambda); Spark then checks them. A SQL word such as `date`
    or `day` counts as a column only if a column of that name is declared.
    """
    bare = _NOT_NAMES.sub(" ", _QUOTED_TEXT.sub("''", sql))
    if "->" in bare:
        return set()
    words = _SQL_WORDS - {column.lower() for column in declared}
    return {
        quoted or name
        for quoted, name in _NAME.findall(bare)
        if quoted or name.lower() not in words
    }


def with_try_casts(sql: str) -> str:
    """The expression with casts that return null instead of failing, so that one bad value does not
    end the read. `a::type` counts as a cast.

    Text becomes a number or a moment only if it is written as one: Spark alone reads "5d" as 5.0
    and "10:30" as a time of today. A number becomes a boolean only if it is 0 or 1.
    """
    return _with_safe_calls(_without_double_colons(sql))


def safe_cast(sql: str, kind: str, *, numbers_are_moments: bool = True) -> str:
    """Spark SQL that casts an expression to a type, and is null where the value is not of it."""
    as_text = f"trim(CAST({sql} AS string))"
    if kind.strip().lower() == "boolean":
        return f"try_cast(CASE WHEN {as_text} RLIKE '{FLAG}' THEN {sql} END AS {kind})"
    pattern = _pattern_of(kind)
    if pattern is None:
        return f"try_cast({sql} AS {kind})"
    other = f"typeof({sql}) <> 'string'"
    if kind in MOMENT_TYPES and not numbers_are_moments:
        other = f"typeof({sql}) IN ('timestamp', 'timestamp_ntz', 'date')"
    text = f"typeof({sql}) = 'string' AND {as_text} RLIKE '{pattern}'"
    return f"try_cast(CASE WHEN {other} OR ({text}) THEN {sql} END AS {kind})"


def can_fail(sql: str) -> bool:
    """Whether Spark may find no value for a row whose columns all have one. Not for a division in
    an expression that provides for null itself.
    """
    masked = _masked(sql)
    return bool(
        "::" in masked
        or any(call.lower() != "try_cast" for call in _STRICT_CALLS.findall(masked))
        or (_DIVISION.search(masked) and not _PROVIDES_FOR_NULL.search(masked))
    )


def _pattern_of(kind: str) -> str | None:
    name = kind.strip().lower()
    if name in MOMENT_TYPES:
        return MOMENT
    return NUMBER if _NUMBER_TYPE.fullmatch(name) else None


def _masked(sql: str) -> str:
    """The expression with quoted text blanked out, at the same length."""
    return _QUOTED_TEXT.sub(lambda text: "'" + "_" * (len(text.group()) - 2) + "'", sql)


def _without_double_colons(sql: str) -> str:
    while match := _DOUBLE_COLON.search(_masked(sql)):
        start = _operand_start(_masked(sql), match.start())
        operand = sql[start : match.start()]
        sql = f"{sql[:start]}cast({operand} AS {match.group(1)}){sql[match.end() :]}"
    return sql


def _operand_start(masked: str, end: int) -> int:
    start = len(masked[:end].rstrip())
    if start and masked[start - 1] in ")]":
        depth = 0
        while start:
            start -= 1
            depth += (masked[start] in ")]") - (masked[start] in "([")
            if depth == 0:
                break
    elif start and masked[start - 1] in "'`":
        return masked.rindex(masked[start - 1], 0, start - 1)
    while start and (masked[start - 1].isalnum() or masked[start - 1] in "_.`"):
        start -= 1
    return start


def _with_safe_calls(sql: str) -> str:
    masked = _masked(sql)
    match = _STRICT_CALLS.search(masked)
    if match is None:
        return sql
    end = _closing(masked, match.end())
    inner = _with_safe_calls(sql[match.end() : end])
    return f"{sql[: match.start()]}{_safe_call(match.group(1), inner)}" + _with_safe_calls(
        sql[end + 1 :]
    )


def _safe_call(name: str, inner: str) -> str:
    masked = _masked(inner)
    plain = name.lower()
    if plain in {"cast", "try_cast"}:
        if cast := _AS_TYPE.search(masked):
            return safe_cast(inner[: cast.start()].strip(), cast.group(1))
        return f"try_cast({inner})"
    has_format = "," in _without_nested(masked)
    if plain in {"to_timestamp", "to_date"} and not has_format:
        return safe_cast(inner, plain.removeprefix("to_"))
    return f"try_{plain}({inner})"


def _without_nested(masked: str) -> str:
    while (inner := re.sub(r"\([^()]*\)", "", masked)) != masked:
        masked = inner
    return masked


def _closing(masked: str, start: int) -> int:
    depth = 1
    for place in range(start, len(masked)):
        depth += (masked[place] == "(") - (masked[place] == ")")
        if depth == 0:
            return place
    return len(masked)
