"""Which files a source has and for which days: a listing with sizes and times, cheap enough for a
sensor.

No Spark, and no file is opened.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from retention_assets.errors import ProfileError
from retention_assets.sources.profile import Profile, TableSource

LANDED_SUFFIX = ".jsonl"


@dataclass(frozen=True, order=True)
class SourceFile:
    """One file (or Delta table) of a source. `day`: when it arrived, if its name says so."""

    table: str
    path: Path
    day: date | None
    size: int
    mtime_ns: int


def present_files(profile: Profile, only: str | None = None) -> list[SourceFile]:
    """All files of the source's tables, or of one of them, sorted by table and path."""
    files = [
        file
        for name, table in profile.tables.items()
        if only in (None, name)
        for file in (*_table_files(profile, name, table), *landed_files(profile, name))
    ]
    return sorted(files)


def landed_files(profile: Profile, table: str) -> list[SourceFile]:
    """The files of what the stream has delivered of a table, one per day."""
    if profile.stream is None or table not in profile.stream.tables:
        return []
    paths = (profile.landed / table).glob(f"*{LANDED_SUFFIX}")
    return [file for path in paths for file in _stated(table, path, date.fromisoformat(path.stem))]


def source_files(profile: Profile) -> list[SourceFile]:
    """The files that are read, sorted by table and path."""
    return [file for file in present_files(profile) if is_within(profile, file)]


def is_within(profile: Profile, file: SourceFile) -> bool:
    """Whether the file is undated, or arrived between the profile's start and end."""
    return file.day is None or profile.start <= file.day <= (profile.end or date.max)


def newest_day(profile: Profile, files: Iterable[SourceFile]) -> date | None:
    """The latest day in the files' names, or the source's end if a file has no day in its name;
    None if neither says it. When a file was written says nothing about its rows.
    """
    days = [file.day or profile.end for file in files]
    return max((day for day in days if day), default=None)


def _table_files(profile: Profile, name: str, table: TableSource) -> Iterator[SourceFile]:
    paths = _matches(profile, name, table.path)
    is_dated = bool(paths) or table.undated_path is None
    if table.undated_path is not None and not paths:
        paths = _matches(profile, name, table.undated_path)
    for path in paths:
        yield from _source_file(profile, name, path, is_dated=is_dated)


def _matches(profile: Profile, name: str, pattern: str) -> list[Path]:
    if Path(pattern).is_absolute():
        raise ProfileError(
            f"Profile {profile.name}, table {name}: path {pattern} is absolute.",
            "Write it relative to the profile's data_dir.",
        )
    if not profile.root.is_dir():
        return []
    return [path for path in profile.root.glob(pattern) if not path.name.startswith((".", "_"))]


def _source_file(
    profile: Profile, name: str, path: Path, *, is_dated: bool
) -> Iterator[SourceFile]:
    """The file, unless it was removed since it was listed."""
    day = _day_in_name(profile, name, path) if is_dated else None
    changing = path
    if profile.tables[name].format == "delta":  # the log of a Delta table grows with every change
        changing = max((path / "_delta_log").glob("*.json"), default=path)
    yield from _stated(name, path, day, changing)


def _stated(
    table: str, path: Path, day: date | None, changing: Path | None = None
) -> Iterator[SourceFile]:
    """The file with size and time of `changing`, a file of it, unless that was removed."""
    with suppress(FileNotFoundError):
        stat = (changing or path).stat()
        yield SourceFile(table, path, day, stat.st_size, stat.st_mtime_ns)


def _day_in_name(profile: Profile, name: str, path: Path) -> date | None:
    pattern = profile.tables[name].day_from_filename
    if pattern is None:
        return None
    match = re.search(pattern, path.name)
    try:
        if match:
            return date.fromisoformat(match.group(1))
    except ValueError:
        pass
    raise ProfileError(
        f"Profile {profile.name}, table {name}: the name of {path.name} has no day.",
        f"Correct tables.{name}.day_from_filename, or narrow tables.{name}.path.",
    )
