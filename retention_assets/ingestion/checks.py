"""Checks of raw/source_files: files that are gone, and files that were not read, which only warn;
and files of which not every row was stored.
"""

import dagster as dg

from retention_assets import keys
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import asset_key, rows_as_table
from retention_assets.sources.ledger import (
    GROWING,
    UNREADABLE,
    VANISHED,
    Ledger,
    LedgerEntry,
    State,
)

SHOWN = 100  # files in a check's metadata


def no_file_vanished() -> dg.AssetChecksDefinition:
    """A check on the ledger."""

    @dg.asset_check(asset=asset_key(keys.SOURCE_FILES), name="no_file_vanished")
    def _no_file_vanished(lake: Lake) -> dg.AssetCheckResult:
        """Every file that was read is still in the source. The rows of one that is not stay."""
        return _result(_in_states(lake, VANISHED))

    return _no_file_vanished


def every_file_is_read() -> dg.AssetChecksDefinition:
    """A check on the ledger."""

    @dg.asset_check(asset=asset_key(keys.SOURCE_FILES), name="every_file_is_read")
    def _every_file_is_read(lake: Lake) -> dg.AssetCheckResult:
        """No file waits because it is still being written or cannot be read."""
        return _result(_in_states(lake, GROWING, UNREADABLE))

    return _every_file_is_read


def every_row_is_stored() -> dg.AssetChecksDefinition:
    """A check on the ledger."""

    @dg.asset_check(asset=asset_key(keys.SOURCE_FILES), name="every_row_is_stored")
    def _every_row_is_stored(lake: Lake) -> dg.AssetCheckResult:
        """The rows read from each file are the new rows that were stored of it and those that an
        earlier version of it brought.
        """
        entries = [entry for _, entry in sorted(Ledger(lake.root).content().read.items())]
        wrong = [entry for entry in entries if not entry.is_stored_whole]
        columns = ("table", "path", "rows_read", "kept", "rows")
        rows = [{name: getattr(entry, name) for name in columns} for entry in wrong[:SHOWN]]
        read = sum(entry.rows_read or 0 for entry in entries)
        return dg.AssetCheckResult(
            passed=not wrong,
            metadata={"files": len(wrong), "first_files": rows_as_table(rows), "rows_read": read},
        )

    return _every_row_is_stored


def _in_states(lake: Lake, *states: State) -> list[LedgerEntry]:
    content = Ledger(lake.root).content()
    return [entry for _, entry in sorted(content.newest.items()) if entry.state in states]


def _result(entries: list[LedgerEntry]) -> dg.AssetCheckResult:
    shown = [
        {"table": entry.table, "file": entry.path, "state": entry.state, "reason": entry.reason}
        for entry in entries[:SHOWN]
    ]
    return dg.AssetCheckResult(
        passed=not entries,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"files": len(entries), "first_files": rows_as_table(shown)},
    )
