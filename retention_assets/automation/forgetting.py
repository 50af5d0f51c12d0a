"""Marks source files as forgotten. The next reading of the source removes their rows."""

from collections.abc import Sequence

from retention_assets.errors import LedgerError
from retention_assets.platform import Platform
from retention_assets.sources.ledger import (
    FORGOTTEN,
    Ledger,
    LedgerContent,
    LedgerEntry,
    next_entries,
)
from retention_assets.sources.source_files import present_files


def forget_files(platform: Platform, names: Sequence[str]) -> list[LedgerEntry]:
    """The last readings of these files, which the ledger now calls forgotten.

    `names`: paths below the source's data folder, as in raw/source_files, or file names. Raises
    LedgerError, and changes nothing, if a file was never read or is still in the source.
    """
    ledger = Ledger(platform.settings.lake_root)
    content = ledger.content()
    entries = [entry for name in names for entry in _readings(content, name)]
    root = platform.profile.root
    listed = {file.path for file in present_files(platform.profile)}
    if present := [entry.path for entry in entries if root / entry.path in listed]:
        raise LedgerError(
            f"{present[0]} is still in the source, so it would be read again.",
            f"Remove it from {root} first.",
        )
    ledger.add(next_entries(entries, content, FORGOTTEN))
    return entries


def _readings(content: LedgerContent, name: str) -> list[LedgerEntry]:
    entries = [
        entry
        for (_, path), entry in sorted(content.read.items())
        if name in (path, path.rpartition("/")[2])
    ]
    if not entries:
        raise LedgerError(
            f"The ledger has no file {name} that was read.",
            "Name a file as raw/source_files does.",
        )
    return entries
