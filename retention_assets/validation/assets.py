"""Assets of the stage: validated/<table> with its quarantine/<table>, made together, and validated/watermark.

Which rows are broken is decided by rules.py and split.py, and whether too many are by suites.py.
"""

from collections.abc import Iterator

import dagster as dg

from retention_assets.ingestion.assets import days_of
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import rows_as_table, table_metadata
from retention_assets.sources.contracts import TABLES, Table
from retention_assets.validation.checks import check_results, check_specs, data_is_current
from retention_assets.validation.rules import rules_of

OWNERS = ["team:data-platform"]


def assets(platform: Platform) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """The stage for one source: the tables that it has, how far they go, and whether that is far enough."""
    tables = [table for name, table in TABLES.items() if platform.profile.has(name)]
    return [
        *(validated_table(platform, table) for table in tables),
        watermark(platform, tables),
        data_is_current(platform),
    ]


def validated_table(platform: Platform, table: Table) -> dg.AssetsDefinition:
    """validated/<table> and quarantine/<table>, of which each raw row enters exactly one."""
    allowed_share = allowed_quarantined_share(platform)

    @dg.multi_asset(
        name=f"validated_{table.name}",
        specs=table_specs(platform, table),
        check_specs=check_specs(table),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def _validated_table(
        context: dg.AssetExecutionContext, lake: Lake
    ) -> Iterator[dg.MaterializeResult]:
        from retention_assets.validation.result import ValidationResult, count_violations
        from retention_assets.validation.split import split
        from retention_assets.validation.suites import suite_results

        first, last = days_of(context)
        raw = lake.read(f"raw/{table.name}").where(f"event_date BETWEEN '{first}' AND '{last}'")
        parts = split(raw, table.key, rules_of(table))
        valid, broken = parts.valid.drop("raw_text", "parse_errors"), parts.broken
        quarantined = lake.replace_days(
            f"quarantine/{table.name}", broken, "event_date", first, last
        )
        validated = lake.replace_days(f"validated/{table.name}", valid, "event_date", first, last)
        judged = suite_results(parts.marked, table.name, parts.rules, allowed_share)
        result = ValidationResult(raw.count(), validated, quarantined, allowed_share, *count_violations(parts), judged)
        parts.release()
        reasons = rows_as_table(
            {"reason": reason, "rows": rows} for reason, rows in result.rows_by_reason.items()
        )
        counts = {
            "rows_in": result.rows_in,
            "rows_quarantined": quarantined,
            "quarantined_by_reason": reasons,
        }
        quarantine_metadata = table_metadata(broken.schema, quarantined) | counts
        yield dg.MaterializeResult(
            asset_key=["quarantine", table.name], metadata=quarantine_metadata
        )
        metadata = table_metadata(valid.schema, validated) | counts
        yield dg.MaterializeResult(
            asset_key=["validated", table.name],
            metadata=metadata,
            check_results=check_results(result),
        )

    return _validated_table


def table_specs(platform: Platform, table: Table) -> list[dg.AssetSpec]:
    """The two tables as the UI shows them."""

    def spec(stage: str, description: str, *kinds: str) -> dg.AssetSpec:
        return dg.AssetSpec(
            [stage, table.name],
            deps=[dg.AssetKey(["raw", table.name])],
            description=description,
            group_name="validation",
            kinds={"pyspark", "deltalake", *kinds},
            owners=OWNERS,
            partitions_def=platform.partitions.daily,
        )

    return [
        spec(
            "validated",
            f"{table.meaning} Only rows that obey every rule of the table.",
            "greatexpectations",
            "silver",
        ),
        spec(
            "quarantine",
            f"Rows of {table.name} that break a rule, the reason, the source file and the source's text.",
        ),
    ]


def watermark(platform: Platform, tables: list[Table]) -> dg.AssetsDefinition:
    """validated/watermark: one row."""

    @dg.asset(
        key=["validated", "watermark"],
        deps=[dg.AssetKey(["validated", table.name]) for table in tables],
        description="How far the data goes: the latest closed day. What is said about now is said as of the day after.",
        group_name="validation",
        kinds={"pyspark", "deltalake"},
        owners=OWNERS,
    )
    def _watermark(lake: Lake) -> dg.MaterializeResult:
        from retention_assets.validation.watermark import (
            WATERMARK_SCHEMA,
            event_tables,
            find_watermark,
        )

        frames = {
            name: lake.read(f"validated/{name}")
            for name in event_tables([table.name for table in tables])
        }
        found = find_watermark(frames, platform.settings.as_of)
        row = lake.spark.createDataFrame(
            [(found.day, found.newest_event_ts, found.newest_ingested_ts)], WATERMARK_SCHEMA
        )
        metadata = table_metadata(row.schema, lake.overwrite("validated/watermark", row))
        by_table = rows_as_table(
            {"table": name, "newest_day": str(day)} for name, day in found.by_table.items()
        )
        return dg.MaterializeResult(
            metadata=metadata | {"watermark": str(found.day), "newest_day_by_table": by_table}
        )

    return _watermark


def allowed_quarantined_share(platform: Platform) -> float:
    """The source's own tolerance, else the platform's."""
    own = platform.profile.max_quarantined_share
    return platform.settings.max_quarantined_share if own is None else own
