"""Which source files there are and for which days: a listing with sizes and times, cheap enough for a sensor.

No Spark, and no file is opened.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from retention_assets.errors import ProfileError

if TYPE_CHECKING:
    from retention_assets.sources.profile import Profile, TableSource

UNDATED = "undated"


@dataclass(frozen=True, order=True)
class SourceFile:
    """One file (or Delta table) of a source. `day`: when it arrived, None where its name does not tell."""

    table: str
    path: Path
    day: date | None
    size: int
    mtime_ns: int


def source_files(profile: "Profile", as_of: date | None = None) -> list[SourceFile]:
    """All files of the profile from its start to its end that had arrived before `as_of`, by table and path."""
    last = min(
        (day for day in (profile.end, as_of and as_of - timedelta(days=1)) if day), default=date.max
    )
    found = [
        file for name, table in profile.tables.items() for file in _files(profile, name, table)
    ]
    return sorted(file for file in found if file.day is None or profile.start <= file.day <= last)


def newest_day(profile: "Profile", as_of: date | None = None) -> date | None:
    """The latest day that the files can hold; None where there are no files."""
    days = [file.day or _undated_end(profile, file, as_of) for file in source_files(profile, as_of)]
    return max(days, default=None)


def fingerprint(profile: "Profile", as_of: date | None = None) -> dict[str, str]:
    """A digest of names, sizes and times of the files of each day: what a sensor remembers."""
    by_day: dict[str, list[SourceFile]] = {}
    for file in source_files(profile, as_of):
        by_day.setdefault(str(file.day or UNDATED), []).append(file)
    return {day: _digest(profile, files) for day, files in sorted(by_day.items())}


def changed_range(
    profile: "Profile", seen: dict[str, str] | None, as_of: date | None = None
) -> tuple[date, date] | None:
    """First and last day whose files are new, changed or gone since `seen` (None: nothing was seen). None: no change."""
    now, seen = fingerprint(profile, as_of), seen or {}
    changed = [day for day in {**seen, **now} if seen.get(day) != now.get(day)]
    if not changed:
        return None
    if UNDATED in changed:
        return profile.start, newest_day(profile, as_of) or profile.start
    return date.fromisoformat(min(changed)), date.fromisoformat(max(changed))


def _files(profile: "Profile", name: str, table: "TableSource") -> list[SourceFile]:
    root = profile.root
    if Path(table.path).is_absolute():
        raise ProfileError(
            f"Profile {profile.name}, table {name}: path {table.path} is absolute.",
            "Write it relative to the profile's data_dir.",
        )
    paths = (
        [path for path in root.glob(table.path) if not path.name.startswith((".", "_"))]
        if root.is_dir()
        else []
    )
    return [_source_file(profile, name, table, path) for path in paths]


def _source_file(profile: "Profile", name: str, table: "TableSource", path: Path) -> SourceFile:
    stat = path.stat()
    if table.format == "delta":  # its log grows with every change
        stat = max((path / "_delta_log").glob("*.json"), default=path).stat()
    return SourceFile(
        name, path, _day_of(profile, name, table, path), stat.st_size, stat.st_mtime_ns
    )


def _day_of(profile: "Profile", name: str, table: "TableSource", path: Path) -> date | None:
    if table.day_from_filename is None:
        return None
    found = re.search(table.day_from_filename, path.name)
    try:
        return date.fromisoformat(found.group(1)) if found else _no_day(profile, name, path)
    except ValueError:
        return _no_day(profile, name, path)


def _no_day(profile: "Profile", name: str, path: Path) -> date:
    raise ProfileError(
        f"Profile {profile.name}, table {name}: the name of {path.name} tells no day.",
        f"Mend tables.{name}.day_from_filename, or narrow tables.{name}.path.",
    )


def _undated_end(profile: "Profile", file: SourceFile, as_of: date | None) -> date:
    """A file without a day holds days up to the profile's end, at the latest to the day that it was written."""
    written = datetime.fromtimestamp(file.mtime_ns / 1e9, UTC).date()
    return min(day for day in (profile.end, as_of and as_of - timedelta(days=1), written) if day)


def _digest(profile: "Profile", files: Iterable[SourceFile]) -> str:
    lines = "\n".join(
        f"{file.path.relative_to(profile.root)} {file.size} {file.mtime_ns}" for file in files
    )
    return hashlib.sha256(lines.encode()).hexdigest()[:12]
