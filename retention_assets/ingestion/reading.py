"""Reads a source's files into canonical rows with Spark: some days of one table in, one frame out.

Writes nothing. Which columns the rows have is in canonical.py.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from pyspark.errors import AnalysisException, ParseException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from retention_assets.errors import ProfileError
from retention_assets.ingestion.canonical import canonical_rows
from retention_assets.ingestion.layouts import FileLayout, inspect_files
from retention_assets.ingestion.opening import FILE, open_files
from retention_assets.ingestion.sampling import open_sample
from retention_assets.sources.contracts import RAW_COLUMNS, TABLES
from retention_assets.sources.profile import Profile
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
        rows = canonical_rows(raw, name, table, [FILE_DAY])
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


def _without_ansi_errors(spark: SparkSession) -> SparkSession:
    """A session of its own, in which an expression gives null where ANSI SQL would end the read.

    Other steps use the first session on other threads, so its settings stay as they are.
    """
    session = spark.newSession()
    session.conf.set("spark.sql.ansi.enabled", "false")
    return session


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
