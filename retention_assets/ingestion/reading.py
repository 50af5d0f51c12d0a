"""Reads a source's files into canonical rows with Spark: some days of one table in, one frame out.

Writes nothing. A value that cannot be read as its type becomes null and is named in `parse_errors`;
its row goes on to validation.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from pyspark.errors import AnalysisException, ParseException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from retention_assets.errors import ProfileError
from retention_assets.ingestion.casting import without_null_words
from retention_assets.ingestion.opening import (
    FAULT,
    FILE,
    TEXT,
    UNREADABLE,
    FileLayout,
    inspect_files,
    open_files,
)
from retention_assets.ingestion.sampling import open_sample
from retention_assets.sources.contracts import (
    EARLIEST_YEAR,
    FAILED_WHERE,
    RAW_COLUMNS,
    TABLES,
    CanonicalColumn,
)
from retention_assets.sources.expressions import can_fail, names_in, safe_cast, with_try_casts
from retention_assets.sources.headers import normal_type
from retention_assets.sources.profile import Profile, TableSource
from retention_assets.sources.source_files import SourceFile, source_files

FILE_DAY = "_file_day"


@dataclass(frozen=True)
class ReadWindow:
    """Which rows to read: events from `first` to `last` that arrived at most `late_days` after they
    happened."""

    first: date
    last: date
    late_days: int


def files_of_days(
    profile: Profile, name: str, window: ReadWindow, files: Iterable[SourceFile]
) -> list[SourceFile]:
    """The files that can have rows of the window.

    A dated file has events of its day and of `late_days` before it. When a customer was first seen
    is known only from all earlier files.
    """

    def may_hold(file: SourceFile) -> bool:
        if file.day is None:
            return True
        starts_in_time = profile.tables[name].derive is not None or file.day >= window.first
        return starts_in_time and file.day <= window.last + timedelta(days=window.late_days)

    return [file for file in files if file.table == name and may_hold(file)]


def read_days(
    spark: SparkSession,
    profile: Profile,
    name: str,
    window: ReadWindow,
    *,
    layouts: Mapping[SourceFile, FileLayout] | None = None,
    stored: DataFrame | None = None,
    rows_per_file: int | None = None,
) -> DataFrame:
    """Rows of canonical table `name` whose event_date lies in the window.

    `layouts`: the files to read, as `inspect_files` found them; None: all that there are. `stored`:
    rows read earlier that stay, because their files are no longer there or cannot be opened now.
    `rows_per_file`: how many rows are read of each file; None: all.
    """
    table = profile.tables[name]
    if layouts is None:
        files = source_files(profile)
        layouts, _ = inspect_files(profile, name, files_of_days(profile, name, window, files))
    session = _without_ansi_errors(spark)
    if rows_per_file is None:
        raw = open_files(session, table, layouts, profile.root)
    else:
        raw = open_sample(session, table, layouts, profile.root, rows_per_file=rows_per_file)
    raw = raw.withColumn(FILE_DAY, _file_day(list(layouts), profile.root))
    try:
        rows = _canonical_rows(raw, name, table)
    except (AnalysisException, ParseException) as error:
        raise ProfileError(
            f"Profile {profile.name}, table {name}: Spark refuses an expression: "
            f"{str(error).splitlines()[0]}",
            f"Correct tables.{name}.columns.",
        ) from error
    rows = rows.withColumn("event_date", _event_date(profile, window)).drop(FILE_DAY)
    if stored is not None:
        rows = rows.unionByName(stored)
    if table.derive == "first_seen":
        rows = _first_seen(rows)
    rows = rows.where(F.col("event_date").between(F.lit(window.first), F.lit(window.last)))
    order = [*TABLES[name].column_names, *(column.name for column in RAW_COLUMNS)]
    return rows.select([column for column in order if column in rows.columns])


def _file_day(files: Sequence[SourceFile], root: Path) -> Column:
    """The day of a row's file, by the file's path below the root; null if its name has none."""
    days = {str(file.path.relative_to(root)): file.day for file in files if file.day}
    if not days:
        return F.lit(None).cast("date")
    pairs = [F.lit(value) for item in days.items() for value in item]
    return F.create_map(*pairs)[F.col(FILE)]


def _canonical_rows(raw: DataFrame, name: str, table: TableSource) -> DataFrame:
    """Canonical columns by the profile's expressions, and the names of the unreadable ones."""
    if table.where:
        raw = _filtered(raw, table.where, table)
    contract = TABLES[name].columns
    expressions = {column.name: table.columns.get(column.name) for column in contract}
    expressions["ingested_ts"] = expressions["ingested_ts"] or expressions["event_ts"]
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
        F.col(FILE_DAY),
    )


def _without_ansi_errors(spark: SparkSession) -> SparkSession:
    """A session of its own, in which an expression gives null where ANSI SQL would end the read.

    Other steps use the first session on other threads, so its settings stay as they are.
    """
    session = spark.newSession()
    session.conf.set("spark.sql.ansi.enabled", "false")
    return session


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


def _first_seen(rows: DataFrame) -> DataFrame:
    """Each customer's earliest row; of rows at the same moment, the one whose text sorts first, so
    that a rerun picks the same row."""
    first = ["event_ts", "raw_text", "source_file"]
    order = F.struct(*first, *[column for column in rows.columns if column not in first])
    known = rows.where("customer_id IS NOT NULL AND event_ts IS NOT NULL")
    return (
        known.groupBy("customer_id")
        .agg(F.min(order).alias("_row"))
        .select([f"_row.{column}" for column in rows.columns])
    )


def _event_date(profile: Profile, window: ReadWindow) -> Column:
    """The partition of a row, chosen so that a later run over its file finds the row again.

    It is the day of event_ts, but not before the source's start, not after the file arrived, and
    not more than `late_days` before that, because earlier days are closed when the file arrives.
    If event_ts is unreadable, it is the day of arrival.
    """
    start = F.lit(profile.start)
    arrived = F.to_date("ingested_ts")
    happened = F.coalesce(F.to_date("event_ts"), arrived, F.col(FILE_DAY), start)
    latest = F.coalesce(
        F.col(FILE_DAY), F.least(arrived, F.lit(profile.end)), F.lit(profile.end), happened
    )
    closed = F.coalesce(F.date_sub(F.col(FILE_DAY), window.late_days), start)
    return F.greatest(start, closed, F.least(latest, happened))
