"""When the rows of a reading arrive, and which of them are new. Spark frames in, frames out.

Which days are open is decided in sources/arrival.py.
"""

from collections.abc import Mapping
from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retention_assets.ingestion.content import content_hash, is_faulty
from retention_assets.ingestion.opening import FILE
from retention_assets.sources.arrival import ArrivalDays
from retention_assets.sources.contracts import TABLES
from retention_assets.sources.profile import Profile
from retention_assets.sources.source_files import SourceFile

FILE_DAY = "_file_day"
EARLIEST = "_earliest_arrival"
_COPY = "_copy"
_CONTENT = "_content"
_SAME = ("source_file", _CONTENT)


def with_days_of_files(opened: DataFrame, days: ArrivalDays, profile: Profile) -> DataFrame:
    """Opened rows with the day of their file, null if its name has none, and the earliest day on
    which they can arrive.
    """
    of_files = {file: file.day for file in days.files if file.day}
    first = F.lit(days.first)
    return opened.withColumns(
        {
            FILE_DAY: _by_file(of_files, profile),
            EARLIEST: F.coalesce(_by_file(days.files, profile), first),
        }
    )


def _by_file(values: Mapping[SourceFile, date], profile: Profile) -> Column:
    if not values:
        return F.lit(None).cast("date")
    by_path = {profile.name_of(file.path): day for file, day in values.items()}
    pairs = [F.lit(value) for item in by_path.items() for value in item]
    return F.create_map(*pairs)[F.col(FILE)]


def with_arrival(rows: DataFrame, last: date, *, is_stamped: bool) -> DataFrame:
    """Canonical rows with `stated_ts`, `ingested_ts` and `arrival_date`.

    `is_stamped`: the source has an arrival time of its own. A row without a time arrives on the
    first day on which it can.
    """
    of_file = end_of(F.col(FILE_DAY))
    stated = F.col("ingested_ts") if is_stamped else F.coalesce(of_file, F.col("event_ts"))
    rows = rows.withColumn("stated_ts", stated)
    day = F.to_date("stated_ts")
    is_closed = F.col("stated_ts").isNull() | (day < F.col(EARLIEST))
    latest = F.greatest(F.lit(last), F.col(EARLIEST))
    ingested = (
        F.when(is_closed, end_of(F.col(EARLIEST)))
        .when(day > latest, end_of(latest))
        .otherwise(F.col("stated_ts"))
    )
    rows = rows.withColumn("ingested_ts", ingested).drop(FILE_DAY, EARLIEST)
    return rows.withColumn("arrival_date", F.to_date("ingested_ts"))


def end_of(day: Column) -> Column:
    """The last microsecond of a day: a file's rows are known when its day is over."""
    return F.date_add(day, 1).cast("timestamp") - F.expr("INTERVAL 1 MICROSECOND")


def changed_rows(
    rows: DataFrame, stored: DataFrame, table: str, *, first_open: date, is_stamped: bool
) -> DataFrame:
    """How files differ from their versions before: the rows that these lacked, and with `is_gone`
    the rows that only these had.

    `stored`: what was stored of all versions before, on closed days. Rows are equal if their
    canonical columns are, whenever they arrived; if one of these could not be read, their texts
    count. A source that does not stamp its rows states a change when it makes it: when it arrives.
    """
    arrived = _numbered(rows, table)
    known = _numbered(stored, table)
    of_content = Window.partitionBy(*_SAME)
    copies = F.sum(F.when(F.col("is_gone"), -1).otherwise(1)).over(of_content)
    known = known.withColumn("_copies", copies).where("NOT is_gone AND _copy <= _copies")
    new = arrived.join(known.select(*_SAME, _COPY), [*_SAME, _COPY], "left_anti")
    gone = known.join(arrived.select(*_SAME, _COPY), [*_SAME, _COPY], "left_anti")
    if not is_stamped:
        is_changed = F.broadcast(
            stored.select("source_file", F.lit(True).alias("_changed")).distinct()
        )
        new = new.join(is_changed, "source_file", "left")
        stated = F.when(F.col("_changed"), F.col("ingested_ts")).otherwise(F.col("stated_ts"))
        new = new.withColumn("stated_ts", stated)
    moment = end_of(F.lit(first_open))
    gone = gone.withColumns(
        {
            "is_gone": F.lit(True),
            "stated_ts": moment,
            "ingested_ts": moment,
            "arrival_date": F.lit(first_open),
        }
    )
    return new.select(rows.columns).unionByName(gone.select(rows.columns))


def _numbered(rows: DataFrame, table: str) -> DataFrame:
    """Rows with the number of each among the equal ones of its file; first those that it has."""
    names = [name for name in TABLES[table].column_names if name != "ingested_ts"]
    text = F.when(is_faulty(), F.col("raw_text"))
    content = content_hash([text, *(F.when(~is_faulty(), F.col(name)) for name in names)])
    copies = Window.partitionBy(*_SAME).orderBy("is_gone", "ingested_ts", "raw_text")
    return rows.withColumn(_CONTENT, content).withColumn(_COPY, F.row_number().over(copies))


def first_sights(rows: DataFrame, known: DataFrame | None, start: date) -> DataFrame:
    """Each customer's earliest row among those that arrive on one day, if no row that arrived
    before is as early.

    `known`: stored rows of this kind from earlier days. Rows that are no sound sight are left out:
    those without a customer or a time, before the source's start, or later than their arrival. Of
    rows at the same moment the one whose text sorts first counts, so that a rerun picks it again.
    """
    is_sound = F.col("event_ts") >= F.lit(start).cast("timestamp")
    is_sound &= F.col("event_ts") <= F.least("stated_ts", "ingested_ts")
    order = ["event_ts", "raw_text", "source_file"]
    row = F.struct(*order, *[column for column in rows.columns if column not in order])
    earliest = (
        rows.where(F.col("customer_id").isNotNull() & is_sound)
        .groupBy("customer_id", "arrival_date")
        .agg(F.min(row).alias("row"))
        .select([f"row.{column}" for column in rows.columns])
        .withColumn("is_new", F.lit(True))
    )
    if known is not None:
        earlier = known.select(rows.columns).withColumn("is_new", F.lit(False))
        earliest = earliest.unionByName(earlier)
    so_far = Window.partitionBy("customer_id").orderBy("arrival_date")
    before = F.min("event_ts").over(so_far.rowsBetween(Window.unboundedPreceding, -1))
    firsts = earliest.withColumn("before", before).where(
        "is_new AND (before IS NULL OR event_ts < before)"
    )
    return firsts.select(rows.columns)
