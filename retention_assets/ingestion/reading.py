"""Reads a source's files into canonical rows with Spark: some days of one table in, one frame out.

Writes nothing. A value that cannot be read as its type becomes null and is named in `parse_errors`;
its row goes on to validation.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from pyspark.errors import AnalysisException, ParseException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from retention_assets.errors import ProfileError
from retention_assets.sources.contracts import RAW_COLUMNS, TABLES, CanonicalColumn
from retention_assets.sources.expressions import names_in, with_try_casts
from retention_assets.sources.headers import Header, normal_type
from retention_assets.sources.profile import Profile, TableSource
from retention_assets.sources.profile_checks import check_headers
from retention_assets.sources.source_files import SourceFile, source_files

# Columns used while reading, under names that no source column has.
TEXT = "_raw_text"
FILE = "_source_file"
FILE_DAY = "_file_day"
UNREADABLE = "_unreadable_"  # prefix: whether a source column's value could not be cast


@dataclass(frozen=True)
class ReadWindow:
    """Which rows to read: events from `first` to `last` that arrived before `as_of`, and at most
    `late_days` after they happened."""

    first: date
    last: date
    late_days: int
    as_of: date | None = None

    @property
    def condition(self) -> str:
        return f"event_date BETWEEN '{self.first}' AND '{self.last}'"


@dataclass(frozen=True)
class ReadResult:
    """Canonical rows of some days, and the files that were opened for them."""

    frame: DataFrame
    files: tuple[SourceFile, ...]


def read_days(spark: SparkSession, profile: Profile, name: str, window: ReadWindow) -> ReadResult:
    """Rows of canonical table `name` whose event_date lies in the window.

    Raises SchemaChangedError before any row is read.
    """
    table = profile.tables[name]
    files = [
        file
        for file in source_files(profile, window.as_of)
        if file.table == name and _may_hold(file, table, window)
    ]
    raw = _open(spark, table, check_headers(profile, name, files))
    try:
        rows = _canonical_rows(raw, name, table)
    except (AnalysisException, ParseException) as error:
        raise ProfileError(
            f"Profile {profile.name}, table {name}: Spark refuses an expression: "
            f"{str(error).splitlines()[0]}",
            f"Correct tables.{name}.columns.",
        ) from error
    if table.derive == "first_seen":
        rows = _first_seen(rows)
    rows = rows.withColumn("event_date", _event_date(profile, window)).drop(FILE_DAY)
    if window.as_of:
        as_of = F.lit(str(window.as_of)).cast("timestamp")
        rows = rows.where(F.col("ingested_ts").isNull() | (F.col("ingested_ts") < as_of))
    rows = rows.where(F.col("event_date").between(F.lit(window.first), F.lit(window.last)))
    order = [*TABLES[name].column_names, *(column.name for column in RAW_COLUMNS)]
    return ReadResult(
        rows.select([column for column in order if column in rows.columns]), tuple(files)
    )


def _may_hold(file: SourceFile, table: TableSource, window: ReadWindow) -> bool:
    """Whether the file can have rows of the window.

    A dated file has events of its day and of `late_days` before it. When a customer was first seen
    is known only from all earlier files.
    """
    if file.day is None:
        return True
    starts_in_time = table.derive is not None or file.day >= window.first
    return starts_in_time and file.day <= window.last + timedelta(days=window.late_days)


def _open(spark: SparkSession, table: TableSource, headers: dict[SourceFile, Header]) -> DataFrame:
    """The files' rows: the source's columns, the row as JSON, the file and its day.

    Files with the same header are read together.
    """
    by_header: dict[Header, list[SourceFile]] = {}
    for file, header in headers.items():
        by_header.setdefault(header, []).append(file)
    if not by_header:
        by_header[tuple(table.source_columns.items())] = []
    parts = [_open_alike(spark, table, header, files) for header, files in by_header.items()]
    frame = parts[0]
    for part in parts[1:]:
        frame = frame.unionByName(part)
    return frame


def _open_alike(
    spark: SparkSession, table: TableSource, header: Header, files: Sequence[SourceFile]
) -> DataFrame:
    columns = header or tuple((column, "string") for column in table.source_columns)
    schema = ", ".join(f"`{column}` {kind}" for column, kind in columns)
    paths = [str(file.path) for file in files]
    if not paths:
        frame = spark.createDataFrame([], schema).withColumn("_path", F.lit(""))
    elif table.format == "delta":
        frame = spark.read.format("delta").load(paths[0])
        frame = frame.withColumn("_path", F.col("_metadata.file_path"))
    else:
        csv = {"header": True, "enforceSchema": True, "multiLine": False, "escape": '"'}
        reader = spark.read.format(table.format).schema(schema)
        frame = reader.options(**(csv if table.format == "csv" else {})).load(paths)
        frame = frame.withColumn("_path", F.col("_metadata.file_path"))
    text = F.to_json(F.struct(*[F.col(f"`{column}`") for column, _ in columns])).alias(TEXT)
    file_name = F.regexp_extract("_path", "([^/]+/[^/]+)$", 1).alias(FILE)
    # A table's files are either all dated or all undated.
    dated = any(file.day for file in files)
    day = _file_day(table.day_from_filename if dated else None)
    return frame.select(text, file_name, day, *_typed(table, dict(columns)))


def _file_day(day_from_filename: str | None) -> Column:
    if day_from_filename is None:
        return F.lit(None).cast("date").alias(FILE_DAY)
    name = F.regexp_extract("_path", "([^/]+)$", 1)
    digits = F.replace(F.regexp_extract(name, day_from_filename, 1), F.lit("-"), F.lit(""))
    return F.try_to_timestamp(digits, F.lit("yyyyMMdd")).cast("date").alias(FILE_DAY)


def _typed(table: TableSource, actual: dict[str, str]) -> Iterable[Column]:
    """Each declared source column in its declared type, and for text whether the cast failed."""
    names = {column.lower(): column for column in actual}
    for column, kind in table.source_columns.items():
        name = names[column.lower()]
        source = F.col(f"`{name}`")
        target = normal_type(kind)
        if actual[name] == target:
            yield source.alias(column)
            continue
        value = source.try_cast(target)
        yield value.alias(column)
        if actual[name] == "string":
            failed = source.isNotNull() & (F.trim(source) != "") & value.isNull()
            yield failed.alias(UNREADABLE + column)


def _canonical_rows(raw: DataFrame, name: str, table: TableSource) -> DataFrame:
    """Canonical columns by the profile's expressions, and the names of the unreadable ones."""
    if table.where:
        raw = raw.where(with_try_casts(table.where))
    contract = TABLES[name].columns
    expressions = {column.name: table.columns.get(column.name) for column in contract}
    expressions["ingested_ts"] = expressions["ingested_ts"] or expressions["event_ts"]
    values = [_value(column, expressions[column.name]).alias(column.name) for column in contract]
    faults = [
        F.when(fault, F.lit(column.name))
        for column in contract
        if (sql := expressions[column.name])
        for fault in _fault(column, sql, table, raw)
    ]
    errors = F.array_compact(F.array(*faults)) if faults else F.array().cast("array<string>")
    return raw.select(
        *values,
        F.col(FILE).alias("source_file"),
        F.col(TEXT).alias("raw_text"),
        errors.alias("parse_errors"),
        F.col(FILE_DAY),
    )


def _value(column: CanonicalColumn, sql: str | None) -> Column:
    if sql is None:
        return F.lit(None).cast(column.type)
    return F.expr(with_try_casts(sql)).try_cast(column.type)


def _fault(column: CanonicalColumn, sql: str, table: TableSource, raw: DataFrame) -> list[Column]:
    """The condition on which this column counts as unreadable, in a list; empty if it never does.

    A source column of it is unreadable, a cast in it gives null, or the cast of its result does.
    """
    names = {name.lower() for name in names_in(sql, table.source_columns)}
    sources = [source for source in table.source_columns if source.lower() in names]
    flags = [
        F.col(f"`{UNREADABLE}{source}`") for source in sources if UNREADABLE + source in raw.columns
    ]
    casts = with_try_casts(sql)
    if casts != sql and sources:
        not_empty = [
            F.col(f"`{source}`").isNotNull() & (F.trim(F.col(f"`{source}`").cast("string")) != "")
            for source in sources
        ]
        flags.append(F.expr(casts).isNull() & _all(not_empty))
    is_plain_column = (
        len(sources) == 1
        and sql.strip("` ") == sources[0]
        and normal_type(table.source_columns[sources[0]]) == column.type
    )
    if not is_plain_column:
        flags.append(F.expr(casts).isNotNull() & F.expr(casts).try_cast(column.type).isNull())
    return [_any(flags)] if flags else []


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
