"""The canonical columns of opened rows, by the profile's expressions. Spark frames in, frames out.

A value that cannot be read as its type becomes null and is named in `parse_errors`; its row goes on
to validation.
"""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retention_assets.ingestion.casting import without_null_words
from retention_assets.ingestion.opening import FAULT, FILE, TEXT, UNREADABLE
from retention_assets.sources.contracts import (
    EARLIEST_YEAR,
    FAILED_WHERE,
    TABLES,
    CanonicalColumn,
)
from retention_assets.sources.expressions import can_fail, names_in, safe_cast, with_try_casts
from retention_assets.sources.headers import normal_type
from retention_assets.sources.profile import TableSource


def canonical_rows(
    raw: DataFrame, name: str, table: TableSource, others: Sequence[str] = ()
) -> DataFrame:
    """Canonical columns by the profile's expressions, the names of the unreadable ones, and opened
    columns that `others` names.
    """
    if table.where:
        raw = _filtered(raw, table.where, table)
    contract = TABLES[name].columns
    expressions = {column.name: table.columns.get(column.name) for column in contract}
    values = [_value(column, expressions[column.name], table) for column in contract]
    faults = [
        F.when(fault, F.lit(column.name))
        for column in contract
        if (sql := expressions[column.name])
        for fault in _fault(column, sql, table)
    ]
    errors = F.array_compact(F.array(*faults)) if faults else F.array().cast("array<string>")
    return raw.select(
        *(value.alias(column.name) for value, column in zip(values, contract, strict=True)),
        F.col(FILE).alias("source_file"),
        F.col(TEXT).alias("raw_text"),
        F.col(FAULT).alias("row_fault"),
        errors.alias("parse_errors"),
        *(F.col(column) for column in others),
    )


def _filtered(raw: DataFrame, condition: str, table: TableSource) -> DataFrame:
    """Rows for which the condition holds, and those that are too faulty to decide it."""
    is_wanted = F.expr(with_try_casts(condition))
    sources = _sources_of(condition, table)
    undecided = _any([F.lit(False), *(F.col(f"`{UNREADABLE}{source}`") for source in sources)])
    if can_fail(condition) and sources:
        undecided = undecided | _all([_is_filled(source) for source in sources])
    fault = F.when(is_wanted.isNull() & undecided, F.lit(FAILED_WHERE))
    raw = raw.withColumn(FAULT, F.coalesce(FAULT, fault))
    return raw.where(F.coalesce(is_wanted, F.lit(False)) | F.col(FAULT).isNotNull())


def _value(column: CanonicalColumn, sql: str | None, table: TableSource) -> Column:
    """Identifiers and columns with a fixed set of values are trimmed, and null words are null."""
    if sql is None:
        return F.lit(None).cast(column.type)
    value = _cast(column, sql)
    if column.type == "timestamp":
        return F.when(~_is_implausible(value), value)
    if column.type == "string" and (column.name.endswith("_id") or column.allowed):
        return without_null_words(value, table.options)
    return value


def _cast(column: CanonicalColumn, sql: str) -> Column:
    if column.type == "string":
        return F.expr(with_try_casts(sql)).try_cast("string")
    return F.expr(safe_cast(with_try_casts(sql), column.type, numbers_are_moments=False))


def _is_implausible(moment: Column) -> Column:
    return moment < F.lit(f"{EARLIEST_YEAR}-01-01").cast("timestamp")


def _fault(column: CanonicalColumn, sql: str, table: TableSource) -> list[Column]:
    """The condition on which this column counts as unreadable, in a list; empty if it never does.

    A source column of it is unreadable, an expression that can fail gives null, the cast of its
    result does, or it is a moment before EARLIEST_YEAR.
    """
    sources = _sources_of(sql, table)
    flags = [F.col(f"`{UNREADABLE}{source}`") for source in sources]
    plain = F.expr(with_try_casts(sql))
    value = _cast(column, sql)
    if can_fail(sql) and sources:
        flags.append(plain.isNull() & _all([_is_filled(source) for source in sources]))
    is_plain_column = (
        len(sources) == 1
        and sql.strip("` ") == sources[0]
        and normal_type(table.source_columns[sources[0]]) == column.type
    )
    if not is_plain_column:
        text = plain.cast("string")
        has_value = without_null_words(text, table.options).isNotNull()
        flags.append(has_value & value.isNull())
    if column.type == "timestamp":
        flags.append(F.coalesce(_is_implausible(value), F.lit(False)))
    return [_any(flags)] if flags else []


def _sources_of(sql: str, table: TableSource) -> list[str]:
    names = {name.lower() for name in names_in(sql, table.source_columns)}
    return [source for source in table.source_columns if source.lower() in names]


def _is_filled(source: str) -> Column:
    column = F.col(f"`{source}`")
    return column.isNotNull() & (F.trim(column.cast("string")) != "")


def _all(conditions: list[Column]) -> Column:
    return conditions[0] if len(conditions) == 1 else conditions[0] & _all(conditions[1:])


def _any(conditions: list[Column]) -> Column:
    return conditions[0] if len(conditions) == 1 else conditions[0] | _any(conditions[1:])
