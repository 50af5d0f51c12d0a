"""Reads a source's files into canonical rows with Spark: some files of one table in, one frame out.

Writes nothing. canonical.py says which columns the rows have, arrival_times.py when they arrive.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pyspark.errors import AnalysisException, ParseException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from retention_assets.errors import ProfileError
from retention_assets.ingestion.arrival_times import (
    EARLIEST,
    FILE_DAY,
    with_arrival,
    with_days_of_files,
)
from retention_assets.ingestion.canonical import canonical_rows
from retention_assets.ingestion.layouts import FileLayout
from retention_assets.ingestion.opening import FILE, TEXT, open_files, open_lines, open_texts
from retention_assets.ingestion.sampling import open_sample
from retention_assets.sources.arrival import ArrivalDays
from retention_assets.sources.contracts import RAW_COLUMNS, TABLES
from retention_assets.sources.profile import Profile
from retention_assets.sources.source_files import SourceFile

if TYPE_CHECKING:
    import pyarrow as pa

_OF_ARRIVAL = ("stated_ts", "ingested_ts", "arrival_date", "is_gone")


def read_files(
    spark: SparkSession,
    profile: Profile,
    name: str,
    days: ArrivalDays,
    *,
    layouts: Mapping[SourceFile, FileLayout],
    rows_per_file: int | None = None,
) -> DataFrame:
    """Rows of canonical table `name` from these files, broken ones included: none is left out but
    by the profile's `where`.

    `layouts`: the files, as `inspect_files` found them. `rows_per_file`: how many rows are read of
    each file; None: all.
    """
    table = profile.tables[name]
    session = without_ansi_errors(spark)
    if rows_per_file is None:
        opened = open_files(session, table, layouts, profile)
    else:
        opened = open_sample(session, table, layouts, profile, rows_per_file=rows_per_file)
    return _arrived(opened, profile, name, days)


def read_lines(
    session: SparkSession, lines: "pa.Table", profile: Profile, name: str, days: ArrivalDays
) -> DataFrame:
    """The same rows from lines of JSON in memory, with the columns raw_text and source_file, the
    landed file in which each line is or will be. `session`: one of `without_ansi_errors`.
    """
    frame = session.createDataFrame(lines).toDF(TEXT, FILE)
    return _arrived(open_lines(frame, profile.tables[name]), profile, name, days)


def _arrived(opened: DataFrame, profile: Profile, name: str, days: ArrivalDays) -> DataFrame:
    opened = with_days_of_files(opened, days, profile)
    rows = _canonical(opened, profile, name, [FILE_DAY, EARLIEST])
    is_stamped = "ingested_ts" in profile.tables[name].columns
    rows = with_arrival(rows, days.last, is_stamped=is_stamped)
    return rows.withColumn("is_gone", F.lit(False)).select(_columns(name))


def read_texts(stored: DataFrame, profile: Profile, name: str) -> DataFrame:
    """Stored rows of files that are gone, by the profile of today: their own texts are read again.

    They keep the days on which they arrived. A row that was no row of its format stays so, and has
    only its text. `stored` must be of the session of `read_files`.
    """
    kept = {f"_{column}": column for column in _OF_ARRIVAL}
    texts = stored.select(
        "raw_text", "source_file", "row_fault", *(F.col(kept[name]).alias(name) for name in kept)
    )
    rows = _canonical(open_texts(texts, profile.tables[name]), profile, name, list(kept))
    rows = rows.drop("ingested_ts").withColumnsRenamed(kept)
    return rows.select(_columns(name))


def _canonical(opened: DataFrame, profile: Profile, name: str, others: Sequence[str]) -> DataFrame:
    try:
        return canonical_rows(opened, name, profile.tables[name], others)
    except (AnalysisException, ParseException) as error:
        raise ProfileError(
            f"Profile {profile.name}, table {name}: Spark refuses an expression: "
            f"{str(error).splitlines()[0]}",
            f"Correct tables.{name}.columns.",
        ) from error


def _columns(name: str) -> list[str]:
    """The columns of raw/<name>, in order."""
    names = [*TABLES[name].column_names, *(column.name for column in RAW_COLUMNS)]
    return list(dict.fromkeys(names))


def without_ansi_errors(spark: SparkSession) -> SparkSession:
    """A session of its own, in which an expression gives null where ANSI SQL would end the read.

    Other steps use the first session on other threads, so its settings stay as they are.
    """
    session = spark.newSession()
    session.conf.set("spark.sql.ansi.enabled", "false")
    return session
