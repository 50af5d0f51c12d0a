"""The period after an as-of day that decides an example's label. Calendar arithmetic only."""

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class LabelWindow:
    """Days after an as-of day: a gap, then the horizon that counts, then time for late reports."""

    gap_days: int
    horizon_days: int
    reporting_lag_days: int = 0

    @property
    def closes_after_days(self) -> int:
        """Days from the as-of day to the end of the horizon."""
        return self.gap_days + self.horizon_days

    @property
    def observed_after_days(self) -> int:
        """Days from the as-of day until the label is final."""
        return self.closes_after_days + self.reporting_lag_days

    @property
    def purge_days(self) -> int:
        """A training row's as-of lies at least this many days before the period it is tested on."""
        return self.closes_after_days

    def matured_mondays(self, first: date, through: date) -> list[date]:
        """As-of Mondays from `first` whose label is final by the end of the day `through`."""
        return mondays(first, through + timedelta(days=1 - self.observed_after_days))


def mondays(first: date, last: date) -> list[date]:
    """Every Monday from `first` to `last`, both included."""
    start = first + timedelta(days=-first.weekday() % 7)
    weeks = (last - start).days // 7 + 1
    return [start + timedelta(weeks=week) for week in range(weeks)]
