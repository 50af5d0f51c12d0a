"""Reads a source's table without a ledger, as its first load does."""

from datetime import date

from pyspark.sql import DataFrame, SparkSession

from retention_assets.ingestion.layouts import inspect_files
from retention_assets.ingestion.reading import read_files
from retention_assets.sources.arrival import arrival_days
from retention_assets.sources.ledger import LedgerContent
from retention_assets.sources.profile import Profile
from retention_assets.sources.source_files import source_files


def read_table(
    spark: SparkSession,
    profile: Profile,
    name: str,
    *,
    first_open: date | None = None,
    last: date = date(2024, 12, 31),
) -> DataFrame:
    """All rows of the table, if its first open day is this one (or the source's first)."""
    files = [file for file in source_files(profile) if file.table == name]
    layouts, _ = inspect_files(profile, name, files)
    days = arrival_days(
        profile,
        layouts,
        LedgerContent({}, {}),
        first_open=first_open or profile.start,
        last=last,
        known_files=files,
    )
    return read_files(spark, profile, name, days, layouts=layouts)
