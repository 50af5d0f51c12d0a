"""raw/<table> for each table that the source has. Reading is in reading.py."""

from datetime import date

import dagster as dg

from retention_assets import keys
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import asset_key, report_partitions, table_metadata
from retention_assets.sources.contracts import TABLES, Table, column_descriptions


def assets(platform: Platform) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """The stage for one source: the tables that it has."""
    return [
        raw_table(platform, table) for name, table in TABLES.items() if platform.profile.has(name)
    ]


def raw_table(platform: Platform, table: Table) -> dg.AssetsDefinition:
    """raw/<table>: the source's rows in canonical columns, invalid rows included."""
    settings = platform.settings
    file_format = platform.profile.tables[table.name].format
    key = keys.raw(table.name)

    @dg.asset(
        key=asset_key(key),
        partitions_def=platform.partitions.daily,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="ingestion",
        kinds={"pyspark", "deltalake", file_format, "bronze"} - {"json", "delta"},
        owners=["team:data-platform"],
        description=f"{table.meaning} As the source sent them, invalid rows included.",
    )
    def _raw_table(context: dg.AssetExecutionContext, lake: Lake) -> dg.MaterializeResult:
        from pyspark.sql import Observation
        from pyspark.sql import functions as F

        from retention_assets.ingestion.reading import ReadWindow, read_days

        first, last = days_of(context)
        window = ReadWindow(first, last, settings.late_arrival_days, settings.as_of)
        reading = read_days(lake.spark, platform.profile, table.name, window)
        lateness = Observation()
        is_late = F.expr("to_date(ingested_ts) > to_date(event_ts)")
        frame = reading.frame.observe(lateness, F.count_if(is_late).alias("rows"))
        rows = lake.replace_days(key, frame, "event_date", first=first, last=last)
        columns = table_metadata(frame.schema, descriptions=column_descriptions(table))
        of_run = {"files_read": len(reading.files), "late_rows": int(lateness.get["rows"])}
        report_partitions(context, key, rows, columns | of_run)
        return dg.MaterializeResult()

    return _raw_table


def days_of(context: dg.AssetExecutionContext) -> tuple[date, date]:
    """First and last day of the run's range of partitions."""
    partitions = context.partition_key_range
    return date.fromisoformat(partitions.start), date.fromisoformat(partitions.end)
