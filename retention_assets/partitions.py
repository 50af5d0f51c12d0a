"""Daily and weekly partitions of one source."""

from dataclasses import dataclass
from datetime import date, timedelta

import dagster as dg


@dataclass(frozen=True)
class Partitions:
    """The days of one source, and its as-of weeks. The key of a week is its as-of Monday."""

    daily: dg.DailyPartitionsDefinition
    weekly: dg.WeeklyPartitionsDefinition
    end: date | None = None

    def last_day(self) -> date | None:
        """The newest day that has a partition; None before the source's first day."""
        key = self.daily.get_last_partition_key()
        return date.fromisoformat(key) if key else None

    def last_complete_day(self) -> date | None:
        """The source's last day, or yesterday for a source that goes on."""
        day = self.last_day()
        return day if self.end or day is None else day - timedelta(days=1)


def partitions_of(start: date, end: date | None) -> Partitions:
    """Partitions from the source's first day to its last, both included.

    `end` is None for a source that goes on: its last day is today's, on which yesterday's late
    rows arrive; its last week is the last one that has ended.
    """
    until = str(end + timedelta(days=1)) if end else None
    return Partitions(
        daily=dg.DailyPartitionsDefinition(
            start_date=str(start), end_date=until, end_offset=0 if end else 1
        ),
        weekly=dg.WeeklyPartitionsDefinition(start_date=str(start), end_date=until, day_offset=1),
        end=end,
    )
