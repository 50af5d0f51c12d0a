"""What a table holds for its open days after a reading. Frames in, a frame out."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retention_assets.ingestion.arrival_times import changed_rows, first_sights
from retention_assets.ingestion.delivery import Delivery
from retention_assets.ingestion.reading import read_texts
from retention_assets.sources.ledger import relative_path
from retention_assets.sources.profile import Profile


def rows_of_open_days(
    read: DataFrame, stored: DataFrame | None, delivery: Delivery, profile: Profile, name: str
) -> DataFrame:
    """The rows just read that are new or gone, and the stored rows of files that were not read.

    `stored`: the table as it is, None if it is new. A table of first sights holds only those. If
    the table is read anew, stored rows are read anew from their texts and keep their days.
    """
    is_derived = profile.tables[name].derive == "first_seen"
    first = delivery.days.first
    closed = None
    rows = read
    if stored is not None:
        is_open = F.col("arrival_date") >= F.lit(first)
        closed = stored.where(~is_open)
        if delivery.compared:
            earlier = closed.where(F.col("source_file").isin(sorted(delivery.compared)))
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
            # A file may have lost the row by which a customer was first seen.
            kept = read_texts(stored if is_derived else kept, profile, name)
        rows = rows.unionByName(kept)
    return first_sights(rows, closed, profile.start) if is_derived else rows
