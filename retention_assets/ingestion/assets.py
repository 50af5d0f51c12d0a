"""Assets of the stage: raw/<table> for each table that the source has. Reading is in reading.py, tables in contracts.py."""

from datetime import date

import dagster as dg

from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import table_metadata
from retention_assets.sources.contracts import TABLES, Table


def assets(platform: Platform) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """The stage for one source: the tables that it has."""
    return [
        raw_table(platform, table) for name, table in TABLES.items() if platform.profile.has(name)
    ]


def raw_table(platform: Platform, table: Table) -> dg.AssetsDefinition:
    """raw/<table>: the source's rows in canonical columns, broken ones included."""

    @dg.asset(
        key=["raw", table.name],
        partitions_def=platform.partitions.daily,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="ingestion",
        kinds={"pyspark", "deltalake", platform.profile.tables[table.name].format, "bronze"}
        - {"json", "delta"},
        owners=["team:data-platform"],
        description=f"{table.meaning} As the source sent them, broken rows included.",
    )
    def _raw_table(context: dg.AssetExecutionContext, lake: Lake) -> dg.MaterializeResult:
        from retention_assets.ingestion.reading import ReadWindow, read_days

        days = ReadWindow(*days_of(context), platform.settings.late_arrival_days, platform.settings.as_of)
        reading = read_days(lake.spark, platform.profile, table.name, days)
        key = f"raw/{table.name}"
        rows = lake.replace_days(key, reading.frame, "event_date", days.first, days.last)
        late = (
            lake.read(key)
            .where(days.condition)
            .where("to_date(ingested_ts) > to_date(event_ts)")
            .count()
        )
        metadata = table_metadata(reading.frame.schema, rows)
        return dg.MaterializeResult(
            metadata=metadata | {"files_read": len(reading.files), "late_rows": late}
        )

    return _raw_table


def days_of(context: dg.AssetExecutionContext) -> tuple[date, date]:
    """First and last day of the run's range."""
    keys = context.partition_key_range
    return date.fromisoformat(keys.start), date.fromisoformat(keys.end)
