"""What a run reads of one table's files, by the ledger, and what the ledger says afterwards.

Rows are stored between the two: if the run dies there, the files are read again.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from retention_assets.errors import UnreadableFileError
from retention_assets.ingestion.layouts import FileLayout, inspect_files
from retention_assets.sources.arrival import ArrivalDays, arrival_days, first_open_day
from retention_assets.sources.ledger import (
    FORGOTTEN,
    GROWING,
    READ,
    UNREADABLE,
    LedgerContent,
    LedgerEntry,
    State,
    StoredRows,
    carried_entries,
    new_entries,
    next_entries,
    relative_path,
    survey,
)
from retention_assets.sources.profile import Profile
from retention_assets.sources.source_files import SourceFile, present_files


@dataclass(frozen=True)
class RunDays:
    """The range of days that a run materializes. `newest_file`: the last day whose files are
    complete; later ones wait.
    """

    first: date
    last: date
    newest_file: date

    def covers(self, day: date) -> bool:
        return self.first <= day <= self.last

    def covers_all(self, profile: Profile, table: str, content: LedgerContent) -> bool:
        """Whether the run can remake all that was read of the table, and what follows from it."""
        days = [entry.day for (name, _), entry in content.read.items() if name == table]
        newest = max((day for day in days if day), default=profile.start)
        return self.covers(profile.start) and self.covers(newest)


@dataclass(frozen=True)
class Delivery:
    """The files of one table that a run reads, and when their rows arrive.

    `layouts`: those that can be opened. `unreadable`: why the others cannot. `compared`: paths of
    files whose rows are compared with what their earlier versions have on closed days. `forgotten`:
    files whose rows this run removes. `is_anew`: the table is read from the start, as if nothing
    was read before. `carried`: the last readings of files whose stored rows are made anew from
    their texts then, because the file no longer has all of them.
    """

    days: ArrivalDays
    layouts: Mapping[SourceFile, FileLayout]
    unreadable: Mapping[SourceFile, UnreadableFileError]
    compared: frozenset[str]
    forgotten: tuple[LedgerEntry, ...]
    is_anew: bool = False
    carried: tuple[LedgerEntry, ...] = ()


def plan_delivery(
    profile: Profile,
    table: str,
    content: LedgerContent,
    *,
    run: RunDays,
    patience_days: int,
    unfinished_runs: Collection[str] = (),
) -> Delivery | None:
    """The unread files up to the run's last day, without those that are still being written.

    None if the run does not cover the table's first open day: then it has nothing to read, and
    closed days are not rewritten. A table is read anew from the start if its files are to be read
    in another way, or if first sights are forgotten, because others take their place; that takes a
    run over all its days. A file that has changed since it was read, or lost rows before, is then
    carried over, and read by the next run. Raises SchemaChangedError if a file lacks a declared
    column.
    """
    present = present_files(profile, table)
    state = survey(profile, present, content, failed_runs=unfinished_runs)
    is_whole = run.covers_all(profile, table, content)
    forgotten = tuple(entry for entry in state.forgotten if entry.table == table and is_whole)
    is_derived = profile.tables[table].derive is not None
    is_anew = table in state.remapped or (is_derived and bool(forgotten))
    if is_anew and not is_whole:
        return None
    if is_anew:
        first_open = profile.start
    else:
        first_open = first_open_day(
            profile,
            table,
            content,
            patience_days=patience_days,
            unfinished_runs=unfinished_runs,
        )
    if not run.covers(first_open):
        return None
    newest = min(run.last, run.newest_file)
    carried: dict[SourceFile, LedgerEntry] = {}
    if is_anew and not is_derived:
        carried = _with_other_rows(profile, present, content)
    due = [
        file
        for file in (*state.unread, *(state.read if is_anew else ()))
        if file not in carried and (file.day is None or file.day <= newest)
    ]
    layouts, unreadable = inspect_files(profile, table, due)
    days = arrival_days(
        profile, layouts, content, first_open=first_open, last=run.last, known_files=present
    )
    paths = {relative_path(profile, file) for file in layouts}
    has_closed_days = first_open > profile.start and not is_derived
    known = {path for path in paths if has_closed_days and (table, path) in content.newest}
    return Delivery(
        days,
        layouts,
        unreadable,
        compared=frozenset(known),
        forgotten=forgotten,
        is_anew=is_anew,
        carried=tuple(carried.values()),
    )


def _with_other_rows(
    profile: Profile, present: Iterable[SourceFile], content: LedgerContent
) -> dict[SourceFile, LedgerEntry]:
    """The files of which rows are stored that they may no longer have, with their last readings."""
    lossy = {(entry.table, entry.path) for entry in content.readings if entry.gone}
    files = {}
    for file in present:
        key = (file.table, relative_path(profile, file))
        entry = content.read.get(key)
        if entry and (key in lossy or not entry.is_of_version(file)):
            files[file] = entry
    return files


def delivery_entries(
    profile: Profile,
    table: str,
    delivery: Delivery,
    content: LedgerContent,
    *,
    run_id: str,
    stored: Mapping[str, StoredRows],
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
        *new_entries(profile, states, content, run_id=run_id, reasons=reasons, stored=stored),
        *next_entries(delivery.forgotten, content, FORGOTTEN, run_id),
        *carried_entries(profile, delivery.carried, content, run_id),
    ]
