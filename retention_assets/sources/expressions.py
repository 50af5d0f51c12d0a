"""Reads the SQL of a profile without Spark: the columns that an expression names, and its casts
made non-failing.
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
    r"\bas\s+\w+(?:\s*\([\d\s,]*\))?\s*(?=\))|\b(?:date|timestamp)\s*''|\binterval\s+\S+\s+\w+",
    re.IGNORECASE,
)
_NAME = re.compile(r"`([^`]+)`|\b([A-Za-z_]\w*)\b(?!\s*\()")
_STRICT_CALLS = re.compile(r"\b(cast|to_timestamp|to_number)\s*\(", re.IGNORECASE)


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
    end the read.
    """
    return _STRICT_CALLS.sub(lambda call: f"try_{call.group(1)}(", sql)
