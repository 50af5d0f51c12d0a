"""What a table holds for its open days after a reading. Frames in, a frame out."""

from collections.abc import Iterable
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retention_assets.ingestion.arrival_times import first_sights, without_stored
from retention_assets.ingestion.delivery import Delivery
from retention_assets.sources.ledger import StoredRows, relative_path
from retention_assets.sources.profile import Profile


def rows_of_open_days(
    read: DataFrame, stored: DataFrame | None, delivery: Delivery, profile: Profile, name: str
) -> DataFrame:
    """The rows just read that are new, and the stored rows of files that were not read.

    `stored`: the table as it is, None if it is new. A table of first sights holds only those.
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
            rows = without_stored(read, earlier, name)
        paths = {relative_path(profile, file) for file in delivery.layouts}
        replaced = paths | {entry.path for entry in delivery.forgotten}
        kept = stored.where(is_open & ~F.col("source_file").isin(sorted(replaced)))
        rows = rows.unionByName(kept)
    return first_sights(rows, closed, profile.start) if is_derived else rows


def counts_by_file_and_day(rows: DataFrame) -> list[tuple[str, date, int]]:
    """File, day of arrival, and how many of the rows are the file's and arrived on the day."""
    counts = rows.groupBy("source_file", "arrival_date").agg(F.count(F.lit(1)).alias("rows"))
    return [(row["source_file"], row["arrival_date"], row["rows"]) for row in counts.collect()]


def stored_by_file(
    counts: Iterable[tuple[str, date, int]], first_open: date, last_complete: date
) -> dict[str, StoredRows]:
    """What the open days hold of each file; its newest arrival on a day that is over."""
    files: dict[str, StoredRows] = {}
    for path, day, rows in counts:
        if day < first_open:
            continue
        so_far = files.get(path, StoredRows())
        newest = max(so_far.newest_arrival or date.min, min(day, last_complete))
        files[path] = StoredRows(so_far.rows + rows, newest)
    return files
