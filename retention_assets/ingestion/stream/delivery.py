"""What a stream delivers, as a streaming frame of lines. One reader per kind of stream.

Nothing is parsed here. A reader gives the same columns for every kind, so that nothing behind it
depends on where lines come from.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from retention_assets.errors import ProfileError
from retention_assets.ingestion.opening import plain_path
from retention_assets.sources.profile import Profile, StreamSource

FILES_PER_BATCH = 500  # bounds a micro-batch after a pause
EPOCH = date(1970, 1, 1)  # of a file without a day, which is not read
NO_DAY = "has no day in its name"
NOT_TEXT = "is not UTF-8 text"


@dataclass(frozen=True)
class Line:
    """A row as it was delivered: a line of JSON of a table.

    `day`: on which it was delivered. `origin`: the file that it comes from. `delivered_at`: seconds
    since 1970. `fault`: why its file cannot be read; empty if it can.
    """

    table: str
    day: date
    text: str
    origin: str
    delivered_at: float
    fault: str = ""


def open_stream(spark: SparkSession, profile: Profile) -> DataFrame:
    """The lines that the profile's stream delivers from now on, with the fields of `Line`. Raises
    ProfileError if there is no stream.
    """
    if profile.stream is None:
        raise ProfileError(
            f"Profile {profile.name} has no stream.",
            "Declare one in its section `stream`, or read the source with `retention run`.",
        )
    return READERS[profile.stream.kind](spark, profile, profile.stream)


def lines_of(batch: DataFrame) -> list[Line]:
    """The lines of a micro-batch."""
    return [Line(**row) for row in batch.toArrow().to_pylist()]


def _folder_lines(spark: SparkSession, profile: Profile, stream: StreamSource) -> DataFrame:
    """The lines of the files that appear. Names that begin with a dot or an underscore are left
    out. Spark takes a file once: what is added to it later is not read. Raises ProfileError if the
    folders are not there and cannot be made.
    """
    folder = profile.root / stream.path
    try:
        for table in stream.tables:
            (folder / table).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ProfileError(
            f"Profile {profile.name}: the folders of its stream cannot be made: {error}.",
            f"Make {folder} with a folder for each of stream.tables, or correct stream.path.",
        ) from error
    reader = spark.readStream.format("text").options(
        pathGlobFilter="*.jsonl",
        recursiveFileLookup=True,
        ignoreMissingFiles=True,
        maxFilesPerTrigger=FILES_PER_BATCH,
    )
    files = reader.load(str(folder))
    path = plain_path(F.col("_metadata.file_path"))
    parts = F.split(path, "/")
    name = F.element_at(parts, -1)
    day = F.regexp_extract(name, stream.day_from_filename, 1).try_cast("date")
    lines = files.select(
        F.element_at(parts, -2).alias("table"),
        F.coalesce(day, F.lit(EPOCH)).alias("day"),
        F.make_valid_utf8("value").alias("text"),
        path.alias("origin"),
        F.col("_metadata.file_modification_time").cast("double").alias("delivered_at"),
        F.when(day.isNull(), F.lit(NO_DAY))
        .when(~F.is_valid_utf8("value"), F.lit(NOT_TEXT))
        .otherwise(F.lit(""))
        .alias("fault"),
    )
    return lines.where(F.col("table").isin(list(stream.tables)))


READERS: Mapping[str, Callable[[SparkSession, Profile, StreamSource], DataFrame]] = {
    "folder": _folder_lines,
}
