"""What a run reads of one table's files, by the ledger, and what the ledger says afterwards.

Rows are stored between the two: if the run dies there, the files are read again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from retention_assets.errors import UnreadableFileError
from retention_assets.ingestion.layouts import FileLayout, inspect_files
from retention_assets.ingestion.reading import ReadWindow, files_of_days
from retention_assets.sources.ledger import (
    FORGOTTEN,
    GROWING,
    READ,
    UNREADABLE,
    LedgerContent,
    LedgerEntry,
    State,
    new_entries,
    next_entries,
    relative_path,
    survey,
)
from retention_assets.sources.profile import Profile
from retention_assets.sources.source_files import SourceFile, present_files


@dataclass(frozen=True)
class Delivery:
    """The files of one table that a run reads.

    `layouts`: those that can be opened. `unreadable`: why the others cannot. `kept`: paths of files
    whose stored rows stay as they are, because the file is gone, still growing, or unreadable.
    `forgotten`: files whose rows this run removes.
    """

    layouts: Mapping[SourceFile, FileLayout]
    unreadable: Mapping[SourceFile, UnreadableFileError]
    kept: frozenset[str]
    forgotten: tuple[LedgerEntry, ...]


def plan_delivery(
    profile: Profile, table: str, window: ReadWindow, content: LedgerContent
) -> Delivery:
    """The files that can have rows of the window, without those that are still being written.

    Raises SchemaChangedError if a file lacks a declared column.
    """
    state = survey(profile, present_files(profile, table), content)
    files = files_of_days(profile, table, window, (*state.unread, *state.read))
    layouts, unreadable = inspect_files(profile, table, files)
    absent = {entry.path for entry in state.vanished if entry.table == table}
    waiting = (*state.growing, *state.unreadable, *unreadable)
    closed = {relative_path(profile, file) for file in waiting}
    stored = {path for name, path in content.read if name == table}
    kept = frozenset((absent | closed) & stored)
    forgotten = tuple(
        entry
        for entry in state.forgotten
        if entry.table == table and _covers(profile, window, content, entry)
    )
    return Delivery(layouts, unreadable, kept, forgotten)


def _covers(
    profile: Profile, window: ReadWindow, content: LedgerContent, entry: LedgerEntry
) -> bool:
    """Whether the window has all days with rows of the file, and with rows that take their place
    as a customer's first.
    """
    first = entry.day - timedelta(window.late_days) if entry.day else profile.start
    last = max((other.day for other in content.read.values() if other.day), default=window.last)
    return window.first <= max(first, profile.start) and window.last >= last


def delivery_entries(
    profile: Profile,
    table: str,
    delivery: Delivery,
    content: LedgerContent,
    run_id: str,
) -> list[LedgerEntry]:
    """Entries for the files of the delivery, now that their rows are stored.

    A file that changed while it was read is growing: it is read again once it stays the same.
    """
    latest = {file.path: file for file in present_files(profile, table)}

    def state_of(file: SourceFile) -> State:
        if latest.get(file.path, file) != file:
            return GROWING
        return UNREADABLE if file in delivery.unreadable else READ

    states: dict[SourceFile, State] = {
        latest.get(file.path, file): state_of(file)
        for file in (*delivery.layouts, *delivery.unreadable)
    }
    reasons = {file: str(error) for file, error in delivery.unreadable.items()}
    return [
        *new_entries(profile, states, content, run_id=run_id, reasons=reasons),
        *next_entries(delivery.forgotten, content, FORGOTTEN, run_id),
    ]
