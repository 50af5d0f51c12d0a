"""raw/<table> for each table that the source has, and raw/source_files, the ledger of its files.

Reading is in reading.py, what the ledger holds in sources/ledger.py.
"""

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING

import dagster as dg

from retention_assets import keys
from retention_assets.ingestion.checks import every_file_is_read, no_file_vanished
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import (
    asset_key,
    report_partitions,
    rows_as_table,
    table_metadata,
)
from retention_assets.sources.contracts import TABLES, Table, column_descriptions
from retention_assets.sources.ledger import (
    ENTRY_COLUMNS,
    ENTRY_SCHEMA,
    Ledger,
    survey,
    vanished_entries,
)
from retention_assets.sources.source_files import present_files

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

OWNERS = ["team:data-platform"]


def assets(platform: Platform) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """The stage for one source: the tables that it has, and the ledger of its files."""
    tables = [table for name, table in TABLES.items() if platform.profile.has(name)]
    return [
        *(raw_table(platform, table) for table in tables),
        source_files(platform, tables),
        no_file_vanished(),
        every_file_is_read(),
    ]


def raw_table(platform: Platform, table: Table) -> dg.AssetsDefinition:
    """raw/<table>: the source's rows in canonical columns, invalid rows included."""
    settings = platform.settings
    profile = platform.profile
    file_format = profile.tables[table.name].format
    key = keys.raw(table.name)

    @dg.asset(
        key=asset_key(key),
        partitions_def=platform.partitions.daily,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="ingestion",
        kinds={"pyspark", "deltalake", file_format, "bronze"} - {"json", "delta"},
        owners=OWNERS,
        description=f"{table.meaning} As the source sent them, invalid rows included.",
    )
    def _raw_table(context: dg.AssetExecutionContext, lake: Lake) -> dg.MaterializeResult:
        from pyspark.sql import Observation
        from pyspark.sql import functions as F

        from retention_assets.ingestion.delivery import delivery_entries, plan_delivery
        from retention_assets.ingestion.reading import ReadWindow, read_days

        first, last = days_of(context)
        window = ReadWindow(first, last, settings.late_arrival_days)
        ledger = Ledger(lake.root)
        content = ledger.content()
        delivery = plan_delivery(profile, table.name, window, content)
        stored = rows_of_files(lake, key, delivery.kept) if delivery.kept else None
        frame = read_days(
            lake.spark, profile, table.name, window, layouts=delivery.layouts, stored=stored
        )
        lateness = Observation()
        is_late = F.expr("to_date(ingested_ts) > to_date(event_ts)")
        frame = frame.observe(lateness, F.count_if(is_late).alias("rows"))
        rows = lake.replace_days(key, frame, "event_date", first=first, last=last)
        ledger.add(delivery_entries(profile, table.name, delivery, content, context.run.run_id))
        columns = table_metadata(frame.schema, descriptions=column_descriptions(table))
        of_run = {
            "files_read": len(delivery.layouts),
            "files_not_readable": len(delivery.unreadable),
            "late_rows": int(lateness.get["rows"]),
        }
        report_partitions(context, key, rows, columns | of_run)
        return dg.MaterializeResult()

    return _raw_table


def source_files(platform: Platform, tables: list[Table]) -> dg.AssetsDefinition:
    """raw/source_files: entries are added by raw/<table>; this one adds what has vanished."""

    @dg.asset(
        key=asset_key(keys.SOURCE_FILES),
        deps=[asset_key(keys.raw(table.name)) for table in tables],
        description="The ledger of the source's files: which version of each was read, which were "
        "not readable, and which are gone. A file that is gone takes no row with it.",
        group_name="ingestion",
        kinds={"deltalake", "bronze"},
        owners=OWNERS,
    )
    def _source_files(context: dg.AssetExecutionContext, lake: Lake) -> dg.MaterializeResult:
        ledger = Ledger(lake.root)
        content = ledger.content()
        state = survey(platform.profile, present_files(platform.profile), content)
        ledger.add(vanished_entries(state.vanished, content, context.run.run_id))
        ledger.compact()
        content = ledger.content()
        counts = Counter((entry.table, entry.state) for entry in content.newest.values())
        by_state = rows_as_table(
            {"table": table, "state": name, "files": files}
            for (table, name), files in sorted(counts.items())
        )
        columns = table_metadata(ENTRY_SCHEMA, len(content.newest), descriptions=ENTRY_COLUMNS)
        return dg.MaterializeResult(metadata=columns | {"files_by_state": by_state})

    return _source_files


def rows_of_files(lake: Lake, key: str, paths: frozenset[str]) -> "DataFrame | None":
    """The stored rows of these files; None if there is no table yet."""
    from pyspark.sql import functions as F

    if not lake.exists(key):
        return None
    return lake.read(key).where(F.col("source_file").isin(sorted(paths)))


def days_of(context: dg.AssetExecutionContext) -> tuple[date, date]:
    """First and last day of the run's range of partitions."""
    partitions = context.partition_key_range
    return date.fromisoformat(partitions.start), date.fromisoformat(partitions.end)
