"""A bounded sample of a table's files: which files, and the first rows of each.

Turning its rows into canonical ones is in reading.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame, SparkSession

from retention_assets.ingestion.layouts import FileLayout
from retention_assets.ingestion.opening import open_files
from retention_assets.sources.profile import Profile, TableSource
from retention_assets.sources.source_files import SourceFile


@dataclass(frozen=True)
class FileSample:
    """Some files of one table (at least one) of `of_files`; the first rows of each are read."""

    files: tuple[SourceFile, ...]
    of_files: int
    rows_per_file: int


def sample_files(files: Sequence[SourceFile], count: int, rows_per_file: int) -> FileSample:
    """The first file, the last one, and others at equal distances between: at most `count`."""
    last = len(files) - 1
    places = {round(step * last / max(count - 1, 1)) for step in range(count)}
    chosen = tuple(files[place] for place in sorted(places))
    return FileSample(chosen, len(files), rows_per_file)


def open_sample(
    spark: SparkSession,
    table: TableSource,
    layouts: Mapping[SourceFile, FileLayout],
    profile: Profile,
    *,
    rows_per_file: int,
) -> DataFrame:
    """The first rows of each file, in the columns of `open_files`."""
    parts = [
        open_files(spark, table, {file: layout}, profile).limit(rows_per_file)
        for file, layout in layouts.items()
    ]
    return reduce(DataFrame.unionByName, parts)
