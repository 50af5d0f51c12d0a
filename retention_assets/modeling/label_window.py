"""When an example is used: as-of Mondays whose label window has closed and been reported. Calendar arithmetic only."""

from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retention_assets.settings import Settings
    from retention_assets.sources.profile import Profile


def mondays(first: date, last: date) -> list[date]:
    """Every Monday from `first` to `last`, both included."""
    start = first + timedelta(days=-first.weekday() % 7)
    return (
        [start + timedelta(weeks=week) for week in range((last - start).days // 7 + 1)]
        if start <= last
        else []
    )


def observed_at(as_of: date, gap_days: int, horizon_days: int, reporting_lag_days: int) -> date:
    """The first midnight at which the label of `as_of` is final: its window is closed and late reports are in."""
    return as_of + timedelta(days=gap_days + horizon_days + reporting_lag_days)


def matured_mondays(profile: "Profile", settings: "Settings", watermark: date) -> list[date]:
    """As-of Mondays with enough history before them and a final label by the end of the watermark's day."""
    waiting = settings.gap_days + profile.churn.horizon_days + profile.churn.reporting_lag_days
    first = profile.start + timedelta(days=settings.min_history_days)
    return mondays(first, watermark + timedelta(days=1 - waiting))
