"""raw/<table> for each table that the source has, and raw/source_files, the ledger of its files.

Reading is in reading.py, what the ledger holds in sources/ledger.py.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

import dagster as dg

from retention_assets import keys
from retention_assets.errors import LedgerError
from retention_assets.ingestion.checks import (
    every_file_is_read,
    every_row_is_stored,
    no_file_vanished,
)
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import (
    asset_key,
    report_partitions,
    rows_as_table,
    table_metadata,
)
from retention_assets.resources.run_states import failed_runs
from retention_assets.sources.contracts import TABLES, Table, column_descriptions
from retention_assets.sources.ledger import (
    ENTRY_COLUMNS,
    ENTRY_SCHEMA,
    Ledger,
    relative_path,
    survey,
    vanished_entries,
)
from retention_assets.sources.profile import Profile
from retention_assets.sources.source_files import present_files

if TYPE_CHECKING:
    from retention_assets.ingestion.delivery import Delivery
    from retention_assets.ingestion.file_counts import FileDay

OWNERS = ["team:data-platform"]


def assets(platform: Platform) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """The stage for one source: the tables that it has, and the ledger of its files."""
    tables = [table for name, table in TABLES.items() if platform.profile.has(name)]
    return [
        *(raw_table(platform, table) for table in tables),
        source_files(platform, tables),
        no_file_vanished(),
        every_file_is_read(),
        every_row_is_stored(),
    ]


def raw_table(platform: Platform, table: Table) -> dg.AssetsDefinition:
    """raw/<table>: the source's rows in canonical columns, invalid rows included."""
    settings = platform.settings
    profile = platform.profile
    file_format = profile.tables[table.name].format
    key = keys.raw(table.name)

    @dg.asset(
        key=asset_key(key),
        pool=key,
        partitions_def=platform.partitions.daily,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="ingestion",
        kinds={"pyspark", "deltalake", file_format, "bronze"} - {"json", "delta"},
        owners=OWNERS,
        description=f"{table.meaning} As the source sent them, invalid rows included.",
    )
    def _raw_table(context: dg.AssetExecutionContext, lake: Lake) -> dg.MaterializeResult:
        from retention_assets.ingestion.delivery import RunDays, delivery_entries, plan_delivery
        from retention_assets.ingestion.file_counts import counts_by_file_and_day, stored_by_file

        first, last = days_of(context)
        ledger = Ledger(lake.root)
        content = ledger.content()
        run_id = context.run.run_id
        run = RunDays(first, last, platform.partitions.last_complete_day() or last)
        earlier_runs = {entry.run_id for entry in content.readings} - {run_id}
        delivery = plan_delivery(
            profile,
            table.name,
            content,
            run=run,
            patience_days=settings.patience_days,
            unfinished_runs=failed_runs(context.instance, earlier_runs) | {run_id},
        )
        rows_read: dict[str, int] = {}
        if delivery:
            rows_read = store_delivery(lake, profile, table.name, delivery)
        elif not lake.exists(key):
            raise LedgerError(
                f"{key} has no rows yet, and {first} to {last} is not where reading begins.",
                f"Materialize days from {profile.start} on.",
            )
        rows = lake.read(key)
        compared = delivery.compared if delivery else ()
        counts = counts_by_file_and_day(rows, since=first, paths=compared)
        if delivery:
            stored = stored_by_file(
                counts,
                rows_read,
                first_open=delivery.days.first,
                last_complete=run.newest_file,
            )
            entries = delivery_entries(
                profile, table.name, delivery, content, run_id=run_id, stored=stored
            )
            ledger.add(entries)
        of_run = {
            "files_read": len(delivery.layouts) if delivery else 0,
            "files_not_readable": len(delivery.unreadable) if delivery else 0,
            "first_open_day": str(delivery.days.first) if delivery else "not among these days",
        }
        columns = table_metadata(rows.schema, descriptions=column_descriptions(table))
        report_partitions(context, key, rows_by_day(counts, first, last), columns | of_run)
        return dg.MaterializeResult()

    return _raw_table


def source_files(platform: Platform, tables: list[Table]) -> dg.AssetsDefinition:
    """raw/source_files: entries are added by raw/<table>; this one adds what has vanished."""

    @dg.asset(
        key=asset_key(keys.SOURCE_FILES),
        pool=keys.SOURCE_FILES,
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


def store_delivery(lake: Lake, profile: Profile, name: str, delivery: "Delivery") -> dict[str, int]:
    """Makes the open days of raw/<name> hold the delivery; removes what is to be forgotten.

    Returns how many rows each file has, by path; none for a table of first sights.
    """
    from retention_assets.ingestion.file_counts import RowsRead, rows_by_file
    from retention_assets.ingestion.open_days import rows_of_open_days
    from retention_assets.ingestion.reading import read_files

    key = keys.raw(name)
    if delivery.forgotten:
        lake.delete_where(key, "source_file", [entry.path for entry in delivery.forgotten])
    read = read_files(lake.spark, profile, name, delivery.days, layouts=delivery.layouts)
    stored = lake.read_as_stored(key, read.sparkSession) if lake.exists(key) else None
    if profile.tables[name].derive:
        frame = rows_of_open_days(read, stored, delivery, profile, name)
        lake.replace_since(key, frame, "arrival_date", delivery.days.first)
        return {}
    # Rows are counted while they are read; a comparison reads them more than once.
    paths = [relative_path(profile, file) for file in delivery.layouts]
    counted = RowsRead(read, paths) if paths and not delivery.compared else None
    frame = counted.frame if counted else read
    frame = rows_of_open_days(frame, stored, delivery, profile, name)
    lake.replace_since(key, frame, "arrival_date", delivery.days.first)
    return counted.by_file() if counted else rows_by_file(read)


def rows_by_day(counts: Iterable["FileDay"], first: date, last: date) -> dict[date, int]:
    """Day of arrival from `first` to `last` -> its rows of all files."""
    by_day: Counter[date] = Counter()
    for count in counts:
        if first <= count.day <= last:
            by_day[count.day] += count.rows
    return dict(by_day)


def days_of(context: dg.AssetExecutionContext) -> tuple[date, date]:
    """First and last day of the run's range of partitions."""
    partitions = context.partition_key_range
    return date.fromisoformat(partitions.start), date.fromisoformat(partitions.end)
