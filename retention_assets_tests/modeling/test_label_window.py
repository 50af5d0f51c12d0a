"""Label windows: when a label is final, and which as-of Mondays have matured."""

from datetime import date, timedelta

import pytest

from retention_assets.modeling.label_window import LabelWindow, mondays
from retention_assets.settings import Settings
from retention_assets.sources.load_profile import load_profile
from retention_assets.training.task import matured_mondays

SETTINGS = Settings(source="simulated", gap_days=14, min_history_days=28)


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (date(2024, 1, 1), date(2024, 1, 1), [date(2024, 1, 1)]),
        (date(2024, 1, 2), date(2024, 1, 7), []),
        (date(2024, 1, 2), date(2024, 1, 15), [date(2024, 1, 8), date(2024, 1, 15)]),
        (date(2024, 1, 8), date(2024, 1, 1), []),
    ],
)
def test_mondays_of_a_period(first: date, last: date, expected: list[date]) -> None:
    assert mondays(first, last) == expected


def test_label_is_final_after_gap_horizon_and_lag() -> None:
    window = LabelWindow(14, 90, 7)
    assert (window.closes_after_days, window.observed_after_days) == (104, 111)
    assert window.matured_mondays(date(2024, 1, 1), date(2024, 4, 19)) == []
    assert window.matured_mondays(date(2024, 1, 1), date(2024, 4, 20)) == [date(2024, 1, 1)]


def test_week_matures_when_its_label_is_final() -> None:
    profile = load_profile(SETTINGS)
    first = date(2024, 1, 29)  # the first Monday with 28 days of history
    final = first + timedelta(days=14 + 90 + 7)
    day_before = final - timedelta(days=1)
    two_before = final - timedelta(days=2)
    assert matured_mondays(profile, SETTINGS, day_before) == [first]
    assert matured_mondays(profile, SETTINGS, two_before) == []


def test_week_of_given_labels_matures_with_its_sunday() -> None:
    """They have no gap, so the window is the horizon and the lag."""
    profile = load_profile(SETTINGS)
    churn = profile.churn.model_copy(update={"kind": "label"})
    labeled = profile.model_copy(update={"churn": churn})
    first = date(2024, 1, 29)
    final = first + timedelta(days=6 + 90 + 7)
    assert matured_mondays(labeled, SETTINGS, final - timedelta(days=1)) == [first]
    assert matured_mondays(labeled, SETTINGS, final - timedelta(days=2)) == []
