"""Daily and weekly partitions of one source."""

from dataclasses import dataclass
from datetime import date, timedelta

import dagster as dg


@dataclass(frozen=True)
class Partitions:
    """The days of one source, and its as-of weeks. The key of a week is its as-of Monday."""

    daily: dg.DailyPartitionsDefinition
    weekly: dg.WeeklyPartitionsDefinition


def partitions_of(start: date, end: date | None) -> Partitions:
    """Partitions from the source's first day to its last, both included.

    `end` is None for a source that goes on: its last partition is yesterday's.
    """
    until = str(end + timedelta(days=1)) if end else None
    return Partitions(
        daily=dg.DailyPartitionsDefinition(start_date=str(start), end_date=until),
        weekly=dg.WeeklyPartitionsDefinition(start_date=str(start), end_date=until, day_offset=1),
    )
