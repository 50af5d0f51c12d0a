"""The platform's clock on one screen: partitions, freshness policies, conditions, schedules, sensors."""

from dataclasses import dataclass
from datetime import date, timedelta

import dagster as dg


@dataclass(frozen=True)
class Clock:
    """Partitions of one source: its days, and its as-of weeks (partition key = as-of Monday)."""

    daily: dg.DailyPartitionsDefinition
    weekly: dg.WeeklyPartitionsDefinition


def clock(start: date, end: date | None) -> Clock:
    """The clock of a source whose first day is `start` and whose last is `end` (None: it goes on)."""
    until = str(end + timedelta(days=1)) if end else None
    return Clock(
        daily=dg.DailyPartitionsDefinition(start_date=str(start), end_date=until),
        weekly=dg.WeeklyPartitionsDefinition(start_date=str(start), end_date=until, day_offset=1),
    )
