"""Which files a source has and for which days: a listing with sizes and times, cheap enough for a
sensor.

No Spark, and no file is opened.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from retention_assets.errors import ProfileError
from retention_assets.sources.profile import Profile, TableSource

_UNDATED = "undated"


@dataclass(frozen=True, order=True)
class SourceFile:
    """One file (or Delta table) of a source. `day`: when it arrived, if its name says so."""

    table: str
    path: Path
    day: date | None
    size: int
    mtime_ns: int


def source_files(profile: Profile, as_of: date | None = None) -> list[SourceFile]:
    """All files between the profile's start and end that arrived before `as_of`, sorted by table
    and path.
    """
    last = min(_last_days(profile, as_of), default=date.max)
    files = [
        file
        for name, table in profile.tables.items()
        for file in _table_files(profile, name, table)
    ]
    return sorted(file for file in files if file.day is None or profile.start <= file.day <= last)


def newest_day(profile: Profile, as_of: date | None = None) -> date | None:
    """The latest day that the files can hold; None if there are no files."""
    files = source_files(profile, as_of)
    return max((file.day or _undated_end(profile, file, as_of) for file in files), default=None)


def fingerprint(profile: Profile, as_of: date | None = None) -> dict[str, str]:
    """Day -> a digest of its files' names, sizes and times. A sensor remembers it to notice
    changes.
    """
    by_day: dict[str, list[SourceFile]] = {}
    for file in source_files(profile, as_of):
        by_day.setdefault(str(file.day or _UNDATED), []).append(file)
    return {day: _digest(profile, files) for day, files in sorted(by_day.items())}


def changed_range(
    profile: Profile, previous: Mapping[str, str] | None, as_of: date | None = None
) -> tuple[date, date] | None:
    """First and last day whose files are new, changed or gone since the `previous` fingerprint.

    None if nothing changed. A `previous` of None means that nothing was read before.
    """
    before = previous or {}
    now = fingerprint(profile, as_of)
    changed = [day for day in {**before, **now} if before.get(day) != now.get(day)]
    if not changed:
        return None
    if _UNDATED in changed:
        return profile.start, newest_day(profile, as_of) or profile.start
    return date.fromisoformat(min(changed)), date.fromisoformat(max(changed))


def _table_files(profile: Profile, name: str, table: TableSource) -> list[SourceFile]:
    dated = _matches(profile, name, table.path)
    if dated or table.undated_path is None:
        return [
            _source_file(name, path, table.format, _day_in_name(profile, name, path))
            for path in dated
        ]
    undated = _matches(profile, name, table.undated_path)
    return [_source_file(name, path, table.format, None) for path in undated]


def _matches(profile: Profile, name: str, pattern: str) -> list[Path]:
    if Path(pattern).is_absolute():
        raise ProfileError(
            f"Profile {profile.name}, table {name}: path {pattern} is absolute.",
            "Write it relative to the profile's data_dir.",
        )
    if not profile.root.is_dir():
        return []
    return [path for path in profile.root.glob(pattern) if not path.name.startswith((".", "_"))]


def _source_file(name: str, path: Path, file_format: str, day: date | None) -> SourceFile:
    stat = path.stat()
    if file_format == "delta":  # the log of a Delta table grows with every change
        stat = max((path / "_delta_log").glob("*.json"), default=path).stat()
    return SourceFile(name, path, day, stat.st_size, stat.st_mtime_ns)


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


def _last_days(profile: Profile, as_of: date | None) -> list[date]:
    """The limits on a file's day: the profile's end, and the day before `as_of`."""
    limits = (profile.end, as_of - timedelta(days=1) if as_of else None)
    return [day for day in limits if day]


def _undated_end(profile: Profile, file: SourceFile, as_of: date | None) -> date:
    """The last day that an undated file can hold: not after the profile's end, nor after the day it
    was written.
    """
    written = datetime.fromtimestamp(file.mtime_ns / 1e9, UTC).date()
    return min([*_last_days(profile, as_of), written])


def _digest(profile: Profile, files: Sequence[SourceFile]) -> str:
    lines = [f"{file.path.relative_to(profile.root)} {file.size} {file.mtime_ns}" for file in files]
    if any(file.day is None for file in files):
        lines.append(f"end {profile.end}")  # it limits which rows of an undated file are read
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]
