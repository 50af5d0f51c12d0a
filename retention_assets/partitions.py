"""Daily and weekly partitions of one source."""

from dataclasses import dataclass
from datetime import date, timedelta

import dagster as dg


@dataclass(frozen=True)
class Partitions:
    """Partitions of one source: its days, and its as-of weeks (partition key = as-of Monday)."""

    daily: dg.DailyPartitionsDefinition
    weekly: dg.WeeklyPartitionsDefinition


def partitions_of(start: date, end: date | None) -> Partitions:
    """Partitions from the source's first day to its last, both included. `end` None: no last day."""
    until = str(end + timedelta(days=1)) if end else None
    return Partitions(
        daily=dg.DailyPartitionsDefinition(start_date=str(start), end_date=until),
        weekly=dg.WeeklyPartitionsDefinition(start_date=str(start), end_date=until, day_offset=1),
    )
