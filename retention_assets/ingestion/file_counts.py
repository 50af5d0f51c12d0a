"""How many rows of each file were read, and how many are stored. Frames in, numbers out.

The two are counted apart: what was read while it is read, what is stored from the table.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retention_assets.errors import LedgerError
from retention_assets.resources.observed_counts import CountsByNumber
from retention_assets.sources.ledger import StoredRows

_NUMBER = "_number"
_OTHER = -1  # rows that name none of the files


class RowsRead:
    """Counts the rows of a frame by file while they are read. `frame` has the same rows, and must
    be read exactly once before the counts are asked for.
    """

    def __init__(self, read: DataFrame, paths: Sequence[str]) -> None:
        self._paths = paths
        numbers = pa.table({"source_file": list(paths), _NUMBER: range(len(paths))})
        files = F.broadcast(read.sparkSession.createDataFrame(numbers))
        numbered = read.join(files, "source_file", "left")
        number = F.coalesce(_NUMBER, F.lit(_OTHER))
        self._counts = CountsByNumber(numbered, number, len(paths) + 1)
        self.frame = self._counts.frame.select(read.columns)

    def by_file(self) -> dict[str, int]:
        """Path -> rows. Raises LedgerError if a row names none of the files."""
        rows = self._counts.rows()
        if rows[_OTHER]:
            raise LedgerError(
                f"{rows[_OTHER]} rows name another file than those that were read: "
                f"{', '.join(self._paths[:3])}.",
                "Rename files with unusual characters in their names.",
            )
        return {path: rows[number] for number, path in enumerate(self._paths)}


def rows_by_file(read: DataFrame) -> dict[str, int]:
    """Path -> rows, in a reading of their own."""
    # Spark refuses to count rows of a CSV without reading one of its columns.
    rows = read.groupBy("source_file").agg(F.count("raw_text").alias("rows"))
    return {row["source_file"]: row["rows"] for row in rows.collect()}


@dataclass(frozen=True)
class FileDay:
    """How many rows of a file arrived on a day, and how many were found to be gone then."""

    path: str
    day: date
    rows: int
    gone: int


def counts_by_file_and_day(
    stored: DataFrame, *, since: date, paths: Collection[str] = ()
) -> list[FileDay]:
    """The rows counted by file and day of arrival: those that arrived since a day, and all of the
    files named by `paths`.
    """
    is_counted = F.col("arrival_date") >= F.lit(since)
    if paths:
        is_counted |= F.col("source_file").isin(sorted(paths))
    counts = stored.where(is_counted).groupBy("source_file", "arrival_date")
    rows = F.count_if(~F.col("is_gone")).alias("rows")
    return [
        FileDay(*row) for row in counts.agg(rows, F.count_if("is_gone").alias("gone")).collect()
    ]


def stored_by_file(
    counts: Iterable[FileDay],
    rows_read: Mapping[str, int],
    *,
    first_open: date,
    last_complete: date,
) -> dict[str, StoredRows]:
    """What a reading stored of each file, by path.

    `counts`: of the files' rows on open days, and on closed days of files that were read before.
    `rows_read`: of each file, where they were counted. A day after `last_complete` is not over.
    """
    by_path: dict[str, list[FileDay]] = {path: [] for path in rows_read}
    for count in counts:
        by_path.setdefault(count.path, []).append(count)
    files = {}
    for path, days in by_path.items():
        new = [count for count in days if count.day >= first_open]
        gone = sum(count.gone for count in new)
        closed = sum(count.rows - count.gone for count in days if count.day < first_open)
        files[path] = StoredRows(
            read=rows_read.get(path),
            kept=closed - gone,
            rows=sum(count.rows for count in new),
            gone=gone,
            newest_arrival=max((min(count.day, last_complete) for count in new), default=None),
        )
    return files
