"""validated/<table> with its quarantine/<table>, made together, and validated/watermark.

rules.py and split.py decide which rows are invalid, suites.py whether too many are.
"""

from collections.abc import Iterator
from datetime import date

import dagster as dg

from retention_assets import keys
from retention_assets.ingestion.assets import days_of
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import (
    asset_key,
    report_partitions,
    rows_as_table,
    table_metadata,
)
from retention_assets.resources.run_states import failed_runs
from retention_assets.sources.arrival import delivered_through
from retention_assets.sources.contracts import TABLES, Table, column_descriptions
from retention_assets.sources.ledger import Ledger
from retention_assets.sources.profile import CHURN_TABLE
from retention_assets.validation.checks import (
    check_results,
    check_specs,
    data_is_current,
    labels_keep_up,
)
from retention_assets.validation.rules import rules_of

OWNERS = ["team:data-platform"]
ADDED_COLUMNS = {
    "quarantine_reason": "The rules that the row breaks.",
    "is_correction": "Whether the row replaces another with the same key from its arrival on.",
    "is_gone": "Whether the row that it repeats holds no longer from its arrival on, because its "
    "file lacks it. Only where a table's changed files replace what they were.",
}
WATERMARK_COLUMNS = {
    "watermark": "The latest closed day of the data.",
    "newest_event_ts": "When the newest event happened (UTC).",
    "newest_ingested_ts": "When the platform learned of the newest row (UTC).",
    "labels_through": "Labels that are final by the end of this day can be read: the watermark, or "
    "the day up to which the table that says who left has been delivered, if that is earlier.",
}


def assets(platform: Platform) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """The stage for one source: its validated tables, the watermark, and checks of their age."""
    tables = [table for name, table in TABLES.items() if platform.profile.has(name)]
    return [
        *(validated_table(platform, table) for table in tables),
        watermark(platform, tables),
        data_is_current(platform),
        labels_keep_up(platform),
    ]


def validated_table(platform: Platform, table: Table) -> dg.AssetsDefinition:
    """validated/<table> and quarantine/<table>. Each raw row enters exactly one of them, unless it
    repeats a validated row: then it is only counted. So is a row that is gone but changes nothing.
    """
    max_share = platform.profile.allowed_quarantined_share(platform.settings.max_quarantined_share)
    replaces = platform.profile.tables[table.name].replaces
    raw_key = keys.raw(table.name)
    valid_key = keys.validated(table.name)
    quarantine_key = keys.quarantine(table.name)
    descriptions = column_descriptions(table) | ADDED_COLUMNS

    @dg.multi_asset(
        name=f"validated_{table.name}",
        pool=valid_key,
        specs=table_specs(platform, table),
        check_specs=check_specs(table, platform.profile.start),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def _validated_table(
        context: dg.AssetExecutionContext, lake: Lake
    ) -> Iterator[dg.MaterializeResult]:
        from retention_assets.validation.result import count_rows, result_of
        from retention_assets.validation.split import split

        first, last = days_of(context)
        supplied = lake.read(raw_key)
        if not replaces:
            supplied = supplied.where("NOT is_gone")
        raw = supplied.where(f"arrival_date BETWEEN '{first}' AND '{last}'")
        has_earlier = first > platform.profile.start
        earlier = supplied.where(f"arrival_date < '{first}'") if has_earlier else None
        rules = rules_of(table, platform.profile.start)
        parts = split(raw, table.key, rules, earlier, replaces=replaces)
        counts = count_rows(parts)
        days = {"first": first, "last": last}
        frames = {
            # Without a broken row, writing none takes no further reading.
            quarantine_key: parts.broken if counts.broken else parts.broken.limit(0),
            valid_key: parts.valid.drop("raw_text", "parse_errors", "row_fault"),
        }
        rows = {
            key: lake.replace_days(key, frame, "arrival_date", **days)
            for key, frame in frames.items()
        }
        result = result_of(
            parts,
            counts,
            table.name,
            rows_in=raw.count(),
            validated=sum(rows[valid_key].values()),
            quarantined=sum(rows[quarantine_key].values()),
            max_share=max_share,
        )
        parts.release()
        of_run = {
            "rows_in": result.rows_in,
            "rows_quarantined": result.quarantined,
            "rows_repeated": result.repeats,
            "quarantined_by_reason": rows_as_table(
                {"reason": reason, "rows": count} for reason, count in result.rows_by_reason.items()
            ),
        }
        for key, frame in frames.items():
            lineage = {name: [(raw_key, name)] for name in frame.columns if name in raw.columns}
            columns = table_metadata(frame.schema, descriptions=descriptions, lineage=lineage)
            report_partitions(context, key, rows[key], columns | of_run)
            checks = check_results(result) if key == valid_key else []
            yield dg.MaterializeResult(asset_key=key.split("/"), check_results=checks)

    return _validated_table


def table_specs(platform: Platform, table: Table) -> list[dg.AssetSpec]:
    """The two tables as the UI shows them."""

    def spec(key: str, description: str, *kinds: str) -> dg.AssetSpec:
        return dg.AssetSpec(
            asset_key(key),
            deps=[asset_key(keys.raw(table.name))],
            description=description,
            group_name="validation",
            kinds={"pyspark", "deltalake", *kinds},
            owners=OWNERS,
            partitions_def=platform.partitions.daily,
        )

    valid = f"{table.meaning} Only rows that obey every rule of the table."
    invalid = f"Rows of {table.name} that break a rule, with the reason and the source's own text."
    return [
        spec(keys.validated(table.name), valid, "greatexpectations", "silver"),
        spec(keys.quarantine(table.name), invalid),
    ]


def watermark(platform: Platform, tables: list[Table]) -> dg.AssetsDefinition:
    """validated/watermark: one row."""

    @dg.asset(
        key=asset_key(keys.WATERMARK),
        pool=keys.WATERMARK,
        deps=[asset_key(keys.validated(table.name)) for table in tables],
        description="The latest closed day of the data. Current features are as of the day after.",
        group_name="validation",
        kinds={"pyspark", "deltalake"},
        owners=OWNERS,
    )
    def _watermark(context: dg.AssetExecutionContext, lake: Lake) -> dg.MaterializeResult:
        from retention_assets.validation.watermark import (
            WATERMARK_SCHEMA,
            event_tables,
            find_watermark,
        )

        names = event_tables([table.name for table in tables])
        frames = {name: lake.read(keys.validated(name)) for name in names}
        newest = find_watermark(frames, platform.settings.as_of)
        labels = labels_through(platform, newest.day, context.instance)
        row = (newest.day, newest.newest_event_ts, newest.newest_ingested_ts, labels)
        frame = lake.spark.createDataFrame([row], WATERMARK_SCHEMA)
        rows = lake.overwrite(keys.WATERMARK, frame)
        by_table = rows_as_table(
            {"table": name, "newest_day": str(day)} for name, day in newest.by_table.items()
        )
        metadata = {
            "watermark": str(newest.day),
            "labels_through": str(labels),
            "newest_day_by_table": by_table,
        }
        columns = table_metadata(frame.schema, rows, descriptions=WATERMARK_COLUMNS)
        return dg.MaterializeResult(metadata=columns | metadata)

    return _watermark


def labels_through(platform: Platform, watermark: date, instance: dg.DagsterInstance) -> date:
    """The day up to which labels can be read at this watermark.

    A given label is a row of its own, so that no label can follow from a row that is missing. That
    nobody left follows from missing rows, and so only while the table that says it is delivered.
    """
    profile = platform.profile
    if profile.churn.kind == "label":
        return watermark
    content = Ledger(platform.settings.lake_root).content()
    failed = failed_runs(instance, {entry.run_id for entry in content.readings})
    table = CHURN_TABLE[profile.churn.kind]
    return min(watermark, delivered_through(profile, table, content, failed))
