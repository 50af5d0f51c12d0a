"""Checks of raw/source_files: files that are gone, and files that were not read. They only warn."""

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


def _in_states(lake: Lake, *states: State) -> list[LedgerEntry]:
    content = Ledger(lake.root).content()
    return [entry for _, entry in sorted(content.newest.items()) if entry.state in states]


def _result(entries: list[LedgerEntry]) -> dg.AssetCheckResult:
    shown = [
        {"table": entry.table, "file": entry.path, "state": entry.state, "reason": entry.reason}
        for entry in entries[:100]
    ]
    return dg.AssetCheckResult(
        passed=not entries,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"files": len(entries), "first_files": rows_as_table(shown)},
    )
