"""Reads a source's files into canonical rows with Spark: some days of one table in, one frame out. Writes nothing.

A value that cannot be read as its type becomes null and is named in `parse_errors`; its row goes on to validation.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from pyspark.errors import AnalysisException, ParseException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from retention_assets.errors import ProfileError
from retention_assets.sources.contracts import RAW_COLUMNS, TABLES
from retention_assets.sources.contracts import Column as Canonical
from retention_assets.sources.expressions import names_in, with_try_casts
from retention_assets.sources.headers import Header, normal_type
from retention_assets.sources.profile import Profile, TableSource
from retention_assets.sources.profile_checks import check_headers
from retention_assets.sources.source_files import SourceFile, source_files

TEXT, FILE, FILE_DAY, UNREADABLE = "_raw_text", "_source_file", "_file_day", "_unreadable_"


@dataclass(frozen=True)
class Reading:
    """Canonical rows of some days, and the files that were opened for them."""

    frame: DataFrame
    files: tuple[SourceFile, ...]


@dataclass(frozen=True)
class ReadWindow:
    """Which rows to read: events of `first` to `last`, arrived before `as_of`, at the latest `late_days` after they happened."""

    first: date
    last: date
    late_days: int
    as_of: date | None = None

    @property
    def condition(self) -> str:
        return f"event_date BETWEEN '{self.first}' AND '{self.last}'"


def read_days(spark: SparkSession, profile: Profile, name: str, days: ReadWindow) -> Reading:
    """Rows of canonical table `name` whose event_date lies in the days. Raises SchemaChangedError before any row is read."""
    table = profile.tables[name]
    files = [
        file
        for file in source_files(profile, days.as_of)
        if file.table == name and _may_hold(file, table, days)
    ]
    headers = check_headers(profile, name, files)
    raw = _open(spark, table, headers)
    try:
        rows = _canonical(raw, name, table)
    except (AnalysisException, ParseException) as error:
        raise ProfileError(
            f"Profile {profile.name}, table {name}: Spark refuses an expression: {str(error).splitlines()[0]}",
            f"Mend tables.{name}.columns.",
        ) from error
    if table.derive == "first_seen":
        rows = _first_seen(rows)
    rows = rows.withColumn("event_date", _event_date(profile, days)).drop(FILE_DAY)
    if days.as_of:
        rows = rows.where(
            F.col("ingested_ts").isNull()
            | (F.col("ingested_ts") < F.lit(str(days.as_of)).cast("timestamp"))
        )
    rows = rows.where(F.col("event_date").between(F.lit(days.first), F.lit(days.last)))
    order = [*TABLES[name].column_names, *(column.name for column in RAW_COLUMNS)]
    return Reading(
        rows.select([column for column in order if column in rows.columns]), tuple(files)
    )


def _may_hold(file: SourceFile, table: TableSource, days: ReadWindow) -> bool:
    """A dated file holds events of its day and of `late_days` before it; who was first seen when, only all files tell."""
    if file.day is None:
        return True
    return (
        table.derive is not None or file.day >= days.first
    ) and file.day <= days.last + timedelta(days=days.late_days)


def _open(spark: SparkSession, table: TableSource, headers: dict[SourceFile, Header]) -> DataFrame:
    """The files' rows: the source's columns, the row as JSON, the file and its day. Files of one header are read at once."""
    by_header: dict[Header, list[SourceFile]] = {}
    for file, header in headers.items():
        by_header.setdefault(header, []).append(file)
    if not by_header:
        by_header[tuple(table.source_columns.items())] = []
    parts = [
        _open_alike(spark, table, header, [str(file.path) for file in files])
        for header, files in by_header.items()
    ]
    frame = parts[0]
    for part in parts[1:]:
        frame = frame.unionByName(part)
    return frame


def _open_alike(
    spark: SparkSession, table: TableSource, header: Header, paths: list[str]
) -> DataFrame:
    columns = header or tuple((column, "string") for column in table.source_columns)
    schema = ", ".join(f"`{column}` {kind}" for column, kind in columns)
    if not paths:
        frame = spark.createDataFrame([], schema).withColumn("_path", F.lit(""))
    elif table.format == "delta":
        frame = (
            spark.read.format("delta")
            .load(paths[0])
            .withColumn("_path", F.col("_metadata.file_path"))
        )
    else:
        options = (
            {"header": True, "enforceSchema": True, "multiLine": False, "escape": '"'}
            if table.format == "csv"
            else {}
        )
        reader = spark.read.format(table.format).schema(schema).options(**options)
        frame = reader.load(paths).withColumn("_path", F.col("_metadata.file_path"))
    text = F.to_json(F.struct(*[F.col(f"`{column}`") for column, _ in columns])).alias(TEXT)
    file = F.regexp_extract("_path", "([^/]+/[^/]+)$", 1).alias(FILE)
    return frame.select(text, file, _file_day(table), *_typed(table, dict(columns)))


def _file_day(table: TableSource) -> Column:
    if table.day_from_filename is None:
        return F.lit(None).cast("date").alias(FILE_DAY)
    name = F.regexp_extract("_path", "([^/]+)$", 1)
    digits = F.replace(F.regexp_extract(name, table.day_from_filename, 1), F.lit("-"), F.lit(""))
    return F.try_to_timestamp(digits, F.lit("yyyyMMdd")).cast("date").alias(FILE_DAY)


def _typed(table: TableSource, actual: dict[str, str]) -> Iterable[Column]:
    """Each declared source column in its declared type, and whether its value could not be read as that."""
    present = {column.lower(): column for column in actual}
    for column, kind in table.source_columns.items():
        there = present[column.lower()]
        wanted, source = normal_type(kind), F.col(f"`{there}`")
        if actual[there] == wanted:
            yield source.alias(column)
            continue
        read = source.try_cast(wanted)
        yield read.alias(column)
        if actual[there] == "string":
            yield (source.isNotNull() & (F.trim(source) != "") & read.isNull()).alias(
                UNREADABLE + column
            )


def _canonical(raw: DataFrame, name: str, table: TableSource) -> DataFrame:
    """Canonical columns by the profile's expressions, and the names of those that could not be read."""
    if table.where:
        raw = raw.where(with_try_casts(table.where))
    contract = TABLES[name].columns
    expressions = {column.name: table.columns.get(column.name) for column in contract}
    expressions["ingested_ts"] = expressions["ingested_ts"] or expressions["event_ts"]
    given = [(column, expressions[column.name]) for column in contract]
    values = [_value(column, sql).alias(column.name) for column, sql in given]
    faults = [
        F.when(fault, F.lit(column.name))
        for column, sql in given
        if sql
        for fault in _fault(column, sql, table, raw)
    ]
    errors = F.array_compact(F.array(*faults)) if faults else F.array().cast("array<string>")
    own = [
        F.col(FILE).alias("source_file"),
        F.col(TEXT).alias("raw_text"),
        errors.alias("parse_errors"),
        F.col(FILE_DAY),
    ]
    return raw.select(*values, *own)


def _value(column: Canonical, sql: str | None) -> Column:
    if sql is None:
        return F.lit(None).cast(column.type)
    return F.expr(with_try_casts(sql)).try_cast(column.type)


def _fault(column: Canonical, sql: str, table: TableSource, raw: DataFrame) -> list[Column]:
    """When this column counts as unreadable: a source column of it is, or a cast in it or of its result gives null."""
    named = {name.lower() for name in names_in(sql, table.source_columns)}
    sources = [source for source in table.source_columns if source.lower() in named]
    flags = [
        F.col(f"`{UNREADABLE}{source}`") for source in sources if UNREADABLE + source in raw.columns
    ]
    casts = with_try_casts(sql)
    if casts != sql and sources:
        there = [
            F.col(f"`{source}`").isNotNull() & (F.trim(F.col(f"`{source}`").cast("string")) != "")
            for source in sources
        ]
        flags.append(F.expr(casts).isNull() & _all(there))
    if (
        len(sources) != 1
        or sql.strip("` ") != sources[0]
        or normal_type(table.source_columns[sources[0]]) != column.type
    ):
        flags.append(F.expr(casts).isNotNull() & F.expr(casts).try_cast(column.type).isNull())
    return [_any(flags)] if flags else []


def _all(conditions: list[Column]) -> Column:
    return conditions[0] if len(conditions) == 1 else conditions[0] & _all(conditions[1:])


def _any(conditions: list[Column]) -> Column:
    return conditions[0] if len(conditions) == 1 else conditions[0] | _any(conditions[1:])


def _first_seen(rows: DataFrame) -> DataFrame:
    """Each customer's earliest row; of rows at one moment the one whose text sorts first, so that a rerun picks the same."""
    first = ["event_ts", "raw_text", "source_file"]
    order = F.struct(*first, *[column for column in rows.columns if column not in first])
    seen = rows.where("customer_id IS NOT NULL AND event_ts IS NOT NULL")
    return (
        seen.groupBy("customer_id")
        .agg(F.min(order).alias("_row"))
        .select([f"_row.{column}" for column in rows.columns])
    )


def _event_date(profile: Profile, days: ReadWindow) -> Column:
    """The partition of a row, such that a later run over its file always finds it again.

    It is the day of event_ts, but not before the source's start, not after the file arrived, and not more than
    `late_days` before that: earlier days are closed when the file comes in. Where event_ts is unreadable: the arrival.
    """
    start, arrived = F.lit(profile.start), F.to_date("ingested_ts")
    happened = F.coalesce(F.to_date("event_ts"), arrived, F.col(FILE_DAY), start)
    latest = F.coalesce(
        F.col(FILE_DAY), F.least(arrived, F.lit(profile.end)), F.lit(profile.end), happened
    )
    closed = F.coalesce(F.date_sub(F.col(FILE_DAY), days.late_days), start)
    return F.greatest(start, closed, F.least(latest, happened))
