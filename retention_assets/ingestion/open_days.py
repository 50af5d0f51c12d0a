"""What a table holds for its open days after a reading. Frames in, a frame out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retention_assets.ingestion.arrival_times import changed_rows, first_sights
from retention_assets.ingestion.delivery import Delivery
from retention_assets.ingestion.reading import read_texts
from retention_assets.sources.ledger import StoredRows, relative_path
from retention_assets.sources.profile import Profile


def rows_of_open_days(
    read: DataFrame, stored: DataFrame | None, delivery: Delivery, profile: Profile, name: str
) -> DataFrame:
    """The rows just read that are new or gone, and the stored rows of files that were not read.

    `stored`: the table as it is, None if it is new. A table of first sights holds only those. If
    the table is read anew, stored rows are read anew from their texts.
    """
    is_derived = profile.tables[name].derive == "first_seen"
    first = delivery.days.first
    closed = None
    rows = read
    if stored is not None:
        is_open = F.col("arrival_date") >= F.lit(first)
        closed = stored.where(~is_open)
        if delivery.reread and first > profile.start and not is_derived:
            earlier = closed.where(F.col("source_file").isin(sorted(delivery.reread)))
            rows = changed_rows(
                read,
                earlier,
                name,
                first_open=first,
                is_stamped="ingested_ts" in profile.tables[name].columns,
            )
        paths = {relative_path(profile, file) for file in delivery.layouts}
        replaced = paths | {entry.path for entry in delivery.forgotten}
        kept = stored.where(is_open & ~F.col("source_file").isin(sorted(replaced)))
        if delivery.is_anew:
            kept = read_texts(kept, profile, name)
        rows = rows.unionByName(kept)
    return first_sights(rows, closed, profile.start) if is_derived else rows


@dataclass(frozen=True)
class FileDay:
    """How many rows of a file arrived on a day, and how many were found to be gone then."""

    path: str
    day: date
    rows: int
    gone: int


def counts_by_file_and_day(rows: DataFrame) -> list[FileDay]:
    """The rows counted by file and day of arrival."""
    counts = rows.groupBy("source_file", "arrival_date").agg(
        F.count_if(~F.col("is_gone")).alias("rows"), F.count_if("is_gone").alias("gone")
    )
    return [FileDay(*row) for row in counts.collect()]


def stored_by_file(
    counts: Iterable[FileDay], first_open: date, last_complete: date
) -> dict[str, StoredRows]:
    """What the open days hold of each file; its newest arrival on a day that is over."""
    files: dict[str, StoredRows] = {}
    for count in counts:
        if count.day < first_open:
            continue
        so_far = files.get(count.path, StoredRows())
        newest = max(so_far.newest_arrival or date.min, min(count.day, last_complete))
        files[count.path] = StoredRows(so_far.rows + count.rows, so_far.gone + count.gone, newest)
    return files
