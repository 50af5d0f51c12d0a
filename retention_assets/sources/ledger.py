"""The ledger of source files: which version of each file was read, and what became of the file.

An entry is added when something happens to a file; none is ever changed, so a file's newest entry
is its state. Rows are stored before an entry says that their file was read. No Spark.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from retention_assets import keys
from retention_assets.resources.small_tables import append_small, compact_small, read_small
from retention_assets.sources.contracts import TABLES
from retention_assets.sources.profile import Profile
from retention_assets.sources.source_files import SourceFile, is_within

if TYPE_CHECKING:
    import pyarrow as pa

State = Literal["read", "growing", "unreadable", "vanished", "forgotten"]
READ: State = "read"
GROWING: State = "growing"
UNREADABLE: State = "unreadable"
VANISHED: State = "vanished"
FORGOTTEN: State = "forgotten"
UNREAD = "unread"


@dataclass(frozen=True)
class LedgerEntry:
    """One thing that happened to one file.

    `path` is relative to the source's data folder; `number` counts the file's entries from 1.
    `size` (bytes) and `modified_ns` (since 1970) tell versions of the file apart. `reading` changes
    with everything that decides how the file is read. `reason` says why it could not be read.
    Of the rows that were read, `kept` are stored since an earlier version, `rows` are new; `gone`
    are those that only the version before had. The source has delivered up to `through` with it.
    """

    table: str
    path: str
    number: int
    state: State
    day: date | None
    size: int
    modified_ns: int
    reading: str
    run_id: str
    reason: str = ""
    rows_read: int | None = None
    kept: int | None = None
    rows: int | None = None
    gone: int | None = None
    through: date | None = None

    @property
    def is_stored_whole(self) -> bool:
        """Whether each row that was read is stored once; True if they were not counted."""
        return self.rows_read is None or self.rows_read == (self.kept or 0) + (self.rows or 0)

    def is_of_version(self, file: SourceFile) -> bool:
        """Whether the file has not changed since this entry."""
        return (self.size, self.modified_ns) == (file.size, file.mtime_ns)


FileKey = tuple[str, str]  # table, path
ENTRY_COLUMNS: Mapping[str, str] = {
    "table": "The source table that the file belongs to.",
    "path": "The file, below the source's data folder.",
    "number": "Counts the entries of the file from 1; the highest is its state.",
    "state": "read, growing (still being written), unreadable, vanished (its rows stay), or "
    "forgotten (its rows are removed).",
    "day": "The day on which the file arrived, if its name says so.",
    "size": "Size of the file in bytes.",
    "modified_ns": "When the file was last changed, in nanoseconds since 1970.",
    "reading": "Changes with the profile's columns and options by which the file was read.",
    "run_id": "The Dagster run that added the entry; empty if none did.",
    "reason": "Why the file could not be read.",
    "rows_read": "How many rows the file has that the profile takes; empty if only each customer's "
    "first row is stored.",
    "kept": "How many of them are stored since an earlier version of the file.",
    "rows": "How many of them are new and were stored by this reading.",
    "gone": "How many rows this version lacks that the one before it had. What they said stays.",
    "through": "The day up to which the file delivers: the day in its name, else the newest day on "
    "which one of its rows arrived. It closes that day.",
}


@dataclass(frozen=True)
class LedgerContent:
    """The newest entry of each file, and the last reading of each file that is not forgotten, by
    (table, path); and all readings of these files.
    """

    newest: dict[FileKey, LedgerEntry]
    read: dict[FileKey, LedgerEntry]
    readings: tuple[LedgerEntry, ...] = ()

    @property
    def entries(self) -> int:
        """How many entries the ledger has."""
        return sum(entry.number for entry in self.newest.values())

    def next_number(self, table: str, path: str) -> int:
        entry = self.newest.get((table, path))
        return entry.number + 1 if entry else 1

    def newest_of(self, profile: Profile, file: SourceFile) -> LedgerEntry | None:
        return self.newest.get((file.table, relative_path(profile, file)))

    def digest(self) -> str:
        """Changes when another version of a file, or another file, has been read."""
        lines = [
            f"{entry.table} {entry.path} {entry.size} {entry.modified_ns} {entry.reading}"
            for _, entry in sorted(self.read.items())
        ]
        return digest_of(lines)


@dataclass(frozen=True)
class Ledger:
    """The ledger of one home: the Delta table raw/source_files below `root`, the lake."""

    root: str

    def content(self, version: int | None = None) -> LedgerContent:
        """What the ledger holds, or held after the commit of this number."""
        rows = read_small(self.root, keys.SOURCE_FILES, version=version)
        newest: dict[FileKey, LedgerEntry] = {}
        read: dict[FileKey, list[LedgerEntry]] = {}
        for row in sorted(rows.to_pylist() if rows else (), key=lambda row: row["number"]):
            entry = LedgerEntry(**row)
            newest[entry.table, entry.path] = entry
            if entry.state == READ:
                read.setdefault((entry.table, entry.path), []).append(entry)
            if entry.state == FORGOTTEN:
                read.pop((entry.table, entry.path), None)
        last = {key: entries[-1] for key, entries in read.items()}
        return LedgerContent(newest, last, tuple(chain.from_iterable(read.values())))

    def add(self, entries: Sequence[LedgerEntry]) -> None:
        """Adds the entries in one commit."""
        if entries:
            append_small(self.root, keys.SOURCE_FILES, _as_arrow(entries))

    def compact(self) -> None:
        compact_small(self.root, keys.SOURCE_FILES)


@dataclass(frozen=True)
class Survey:
    """A listing of the source compared with the ledger; each file is in one of these.

    `unread`: new and changed files, and those read by a run that failed. `growing`: files that were
    being written at the last look and have changed since. `unreadable`: files that could not be
    opened and have not changed since. `read`: the others. `vanished`: the last reading of each file
    that is no longer there. `forgotten`: entries of files whose rows are still to be removed.
    `remapped`: tables whose files are to be read in another way than they were.
    """

    unread: tuple[SourceFile, ...]
    growing: tuple[SourceFile, ...]
    unreadable: tuple[SourceFile, ...]
    read: tuple[SourceFile, ...]
    vanished: tuple[LedgerEntry, ...]
    forgotten: tuple[LedgerEntry, ...]
    remapped: frozenset[str]


def survey(
    profile: Profile,
    files: Iterable[SourceFile],
    content: LedgerContent,
    *,
    failed_runs: Collection[str] = (),
) -> Survey:
    """Compares all files that are there with the ledger.

    Files outside the profile's days are left out: they are neither read nor missed.
    """
    parts: dict[str, list[SourceFile]] = {UNREAD: [], GROWING: [], UNREADABLE: [], READ: []}
    listed = set()
    remapped = set()
    readings = Readings(profile)
    for file in files:
        key = (file.table, relative_path(profile, file))
        listed.add(key)
        if is_within(profile, file):
            reading = readings.digest(file)
            state = _state(file, content.newest.get(key), reading, failed_runs)
            parts[state].append(file)
            if key in content.read and content.read[key].reading != reading:
                remapped.add(file.table)
    vanished = [
        entry
        for key, entry in content.read.items()
        if key not in listed and profile.has(entry.table)
    ]
    forgotten = [
        entry
        for entry in content.newest.values()
        if entry.state == FORGOTTEN and (not entry.run_id or entry.run_id in failed_runs)
    ]
    by_state = {name: tuple(files) for name, files in parts.items()}
    return Survey(
        **by_state,
        vanished=tuple(vanished),
        forgotten=tuple(forgotten),
        remapped=frozenset(remapped),
    )


class Readings:
    """What decides how a file is read, as a digest: a change of it means reading the file again.

    The end of the source decides only which rows of an undated file are read.
    """

    def __init__(self, profile: Profile) -> None:
        self.digests: dict[tuple[str, bool], str] = {}
        for name in profile.tables:
            definition = definition_of_reading(profile, name)
            lines = [f"{about}={value}" for about, value in sorted(definition.items())]
            self.digests[name, True] = digest_of(lines)
            self.digests[name, False] = digest_of([*lines, str(profile.end)])

    def digest(self, file: SourceFile) -> str:
        return self.digests[file.table, file.day is not None]


def definition_of_reading(profile: Profile, name: str) -> dict[str, str]:
    """What decides which rows a table's files give: what it is about -> its value."""
    source = profile.tables[name].model_dump(mode="json")
    columns = TABLES[name].columns if name in TABLES else ()
    return {
        "start": str(profile.start),
        **{
            about: str(value)
            for about, value in source.items()
            # Which rows hold follows from changed files only after they are read.
            if about not in ("columns", "changed_files", "may_lack") and value is not None
        },
        **{f"column {column}": text for column, text in source["columns"].items()},
        **{f"type of {column.name}": column.type for column in columns},
    }


@dataclass(frozen=True)
class StoredRows:
    """What a reading stored of one file, as its entry counts it, and the newest day on which one of
    its rows arrived and which is over. `read`: None if the file's rows were not counted.
    """

    read: int | None = None
    kept: int = 0
    rows: int = 0
    gone: int = 0
    newest_arrival: date | None = None


def new_entries(
    profile: Profile,
    states: Mapping[SourceFile, State],
    content: LedgerContent,
    *,
    run_id: str = "",
    reasons: Mapping[SourceFile, str] = MappingProxyType({}),
    stored: Mapping[str, StoredRows] = MappingProxyType({}),
) -> list[LedgerEntry]:
    """The next entry of each of these files. `reasons`: why a file could not be read. `stored`:
    what was stored of it, by its path below the data folder.
    """
    readings = Readings(profile)
    entries = []
    for file, state in states.items():
        path = relative_path(profile, file)
        entry = LedgerEntry(
            table=file.table,
            path=path,
            number=content.next_number(file.table, path),
            state=state,
            day=file.day,
            size=file.size,
            modified_ns=file.mtime_ns,
            reading=readings.digest(file),
            run_id=run_id,
            reason=reasons.get(file, ""),
        )
        if state == READ:
            of_file = stored.get(path, StoredRows())
            through = file.day or of_file.newest_arrival
            entry = replace(
                entry,
                rows_read=of_file.read,
                kept=of_file.kept,
                rows=of_file.rows,
                gone=of_file.gone,
                through=through,
            )
        entries.append(entry)
    return entries


def vanished_entries(
    vanished: Iterable[LedgerEntry], content: LedgerContent, run_id: str = ""
) -> list[LedgerEntry]:
    """Entries for the files that are no longer there, unless the ledger says so already."""
    unsaid = [
        entry for entry in vanished if content.newest[entry.table, entry.path].state != VANISHED
    ]
    return next_entries(unsaid, content, VANISHED, run_id)


def next_entries(
    entries: Iterable[LedgerEntry], content: LedgerContent, state: State, run_id: str = ""
) -> list[LedgerEntry]:
    """The next entries of these files, which are no longer there, about the same versions."""
    return [
        replace(
            entry, state=state, number=content.next_number(entry.table, entry.path), run_id=run_id
        )
        for entry in entries
    ]


def carried_entries(
    profile: Profile, entries: Iterable[LedgerEntry], content: LedgerContent, run_id: str
) -> list[LedgerEntry]:
    """The next entries of files whose stored rows were made anew, but which were not read in the
    new way. Their versions are of no time, so that the files are read next.
    """
    digests = Readings(profile).digests
    return [
        replace(entry, reading=digests[entry.table, entry.day is not None], modified_ns=0)
        for entry in next_entries(entries, content, READ, run_id)
    ]


def relative_path(profile: Profile, file: SourceFile) -> str:
    """The file's name in the ledger, as `source_file` of its rows holds it."""
    return profile.name_of(file.path)


def _state(
    file: SourceFile, entry: LedgerEntry | None, reading: str, failed_runs: Collection[str]
) -> str:
    if entry is None:
        return UNREAD
    is_same = entry.is_of_version(file)
    if entry.state == GROWING:  # what is the same at two looks is complete
        return UNREAD if is_same else GROWING
    if not is_same or entry.reading != reading or entry.run_id in failed_runs:
        return UNREAD
    return entry.state if entry.state in (READ, UNREADABLE) else UNREAD


_TYPES = {
    "number": "int64",
    "size": "int64",
    "modified_ns": "int64",
    "day": "date32",
    "rows_read": "int64",
    "kept": "int64",
    "rows": "int64",
    "gone": "int64",
    "through": "date32",
}
# Column and Arrow type of each field of an entry.
ENTRY_SCHEMA = tuple(
    (field.name, _TYPES.get(field.name, "string")) for field in fields(LedgerEntry)
)


def _as_arrow(entries: Sequence[LedgerEntry]) -> "pa.Table":
    import pyarrow as pa

    schema = pa.schema([(name, pa.type_for_alias(kind)) for name, kind in ENTRY_SCHEMA])
    return pa.Table.from_pylist([asdict(entry) for entry in entries], schema=schema)


def digest_of(lines: Iterable[str]) -> str:
    """16 hexadecimal digits that change with the lines."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
