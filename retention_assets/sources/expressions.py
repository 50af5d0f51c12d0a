"""Reads the SQL of a profile without Spark: which columns an expression names, and how to make its casts with_try_casts."""

import re
from collections.abc import Iterable

# Names that are SQL, not columns, when no parenthesis follows.
WORDS = frozenset(
    {
        "and",
        "or",
        "not",
        "null",
        "is",
        "in",
        "case",
        "when",
        "then",
        "else",
        "end",
        "as",
        "like",
        "ilike",
        "rlike",
        "regexp",
    }
    | {
        "between",
        "true",
        "false",
        "distinct",
        "interval",
        "div",
        "mod",
        "for",
        "from",
        "trailing",
        "leading",
        "both",
    }
    | {
        "string",
        "int",
        "integer",
        "bigint",
        "long",
        "smallint",
        "tinyint",
        "double",
        "float",
        "decimal",
        "numeric",
        "boolean",
    }
    | {
        "date",
        "timestamp",
        "timestamp_ntz",
        "binary",
        "current_date",
        "current_timestamp",
        "year",
        "years",
        "month",
        "months",
    }
    | {"week", "weeks", "day", "days", "hour", "hours", "minute", "minutes", "second", "seconds"}
)
_QUOTED_TEXT = re.compile(r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"")
# Where a word is surely not a column, even where one has that name: the type of a cast, a literal, an interval.
_NOT_NAMES = re.compile(
    r"\bas\s+\w+(?:\s*\([\d\s,]*\))?\s*(?=\))|\b(?:date|timestamp)\s*''|\binterval\s+\S+\s+\w+",
    re.IGNORECASE,
)
_NAME = re.compile(r"`([^`]+)`|\b([A-Za-z_]\w*)\b(?!\s*\()")
_STRICT_CALLS = re.compile(r"\b(cast|to_timestamp|to_number)\s*\(", re.IGNORECASE)


def names_in(sql: str, declared: Iterable[str] = ()) -> set[str]:
    """Columns that the expression names. Empty where it defines names of its own (a lambda): Spark must judge those.

    A word of SQL, like `date` or `day`, counts as a column only where a column of that name is declared.
    """
    bare = _NOT_NAMES.sub(" ", _QUOTED_TEXT.sub("''", sql))
    if "->" in bare:
        return set()
    words = WORDS - {column.lower() for column in declared}
    return {
        quoted or name
        for quoted, name in _NAME.findall(bare)
        if quoted or name.lower() not in words
    }


def with_try_casts(sql: str) -> str:
    """The expression with casts that give null where they fail, so that one bad value never ends the read."""
    return _STRICT_CALLS.sub(lambda call: f"try_{call.group(1)}(", sql)
