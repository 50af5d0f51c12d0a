"""On which days the rows of a source's files arrive, and which days are closed. Dates and ledger
entries in, dates out.

A day of a table is closed once the table, or the rest of the source some days ahead of it, has been
read beyond it. Nothing arrives on a closed day: what comes late arrives on the first open one. The
last day of a source that has an end stays open for it.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from retention_assets.sources.ledger import LedgerContent
from retention_assets.sources.profile import Profile
from retention_assets.sources.source_files import SourceFile

DAY = timedelta(days=1)


@dataclass(frozen=True)
class ArrivalDays:
    """The days on which the rows of one reading may arrive.

    Rows of `files` arrive no earlier than on their file's day here, those of other files no earlier
    than on `first`, which is the first open day. None arrives later than on `last`.
    """

    first: date
    last: date
    files: Mapping[SourceFile, date]


def first_open_day(
    profile: Profile,
    table: str,
    content: LedgerContent,
    *,
    patience_days: int,
    unfinished_runs: Collection[str] = (),
) -> date:
    """The earliest day on which rows of the table can still arrive.

    `patience_days`: how far the other tables are ahead when they close this one's days.
    `unfinished_runs`: runs that close no day, because they failed or still go on.
    """
    through = [
        entry.through if entry.table == table else entry.through - timedelta(days=patience_days)
        for entry in content.readings
        if entry.through and entry.run_id not in unfinished_runs
    ]
    was_read = any(
        entry.table == table and entry.run_id not in unfinished_runs for entry in content.readings
    )
    if not was_read or not through:  # a table that is new has no closed day
        return profile.start
    return min(max(profile.start, max(through) + DAY), profile.end or date.max)


def delivered_through(
    profile: Profile, table: str, content: LedgerContent, unfinished_runs: Collection[str] = ()
) -> date:
    """The day up to which the table has been delivered by files of its own, which may be empty; the
    day before the source's start if there is none.

    Days that other tables close do not count: they are closed even where this feed has stopped.
    """
    through = [
        entry.through
        for entry in content.readings
        if entry.table == table and entry.through and entry.run_id not in unfinished_runs
    ]
    return max(through, default=profile.start - DAY)


def arrival_days(
    profile: Profile,
    files: Iterable[SourceFile],
    content: LedgerContent,
    *,
    first_open: date,
    last: date,
    known_files: Iterable[SourceFile],
) -> ArrivalDays:
    """When the rows of these files of one table can arrive. `known_files`: all that are there.

    A dated file's rows arrive no earlier than on the day after the file before it, so that reading
    many files at once gives what reading them day by day gives; and no later than on the day after
    the newest file, for a source that stamps its rows on the morning after.
    """
    read = list(files)
    tables = {file.table for file in read}
    days = {file.day for file in known_files if file.day}
    days |= {entry.day for entry in content.readings if entry.table in tables and entry.day}
    in_order = sorted(days)
    earliest = {}
    for file in read:
        if file.day is not None:
            place = bisect_left(in_order, file.day)
            earliest[file] = max(first_open, in_order[place - 1] + DAY) if place else first_open
    newest = max((file.day for file in read if file.day), default=None)
    last = max(newest + DAY if newest else last, first_open)
    return ArrivalDays(first_open, min(last, profile.end or date.max), earliest)
