"""The watermark: the newest day of any event table, by what was known at the as-of day."""

from datetime import UTC, date, datetime

import pytest

from retention_assets.errors import ProfileError
from retention_assets.resources.lake import Lake
from retention_assets.validation.watermark import (
    event_tables,
    find_watermark,
    lag_days,
    read_watermark,
)

SCHEMA = "arrival_date date, event_ts timestamp, ingested_ts timestamp"


def facts(*days: tuple[int, int]) -> list[tuple]:
    """Rows of January 2024, from the day each happened and the day it became known."""
    hours = (
        (datetime(2024, 1, happened, 9, tzinfo=UTC), datetime(2024, 1, known, 12, tzinfo=UTC))
        for happened, known in days
    )
    return [(ingested.date(), event, ingested) for event, ingested in hours]


# A ticket of the 3rd becomes known on the 9th; churn_events has no valid row.
TABLES = {
    "transactions": facts((5, 5), (7, 7)),
    "support_tickets": facts((3, 9), (6, 6)),
    "churn_events": [],
}
# as-of, the watermark, when its newest fact became known, and the newest day of each table.
CASES: list[tuple[date | None, int, int, dict[str, int]]] = [
    (None, 7, 9, {"transactions": 7, "support_tickets": 6}),
    (date(2024, 1, 10), 7, 9, {"transactions": 7, "support_tickets": 6}),
    (date(2024, 1, 8), 7, 7, {"transactions": 7, "support_tickets": 6}),
    (date(2024, 1, 7), 6, 6, {"transactions": 5, "support_tickets": 6}),
    (date(2024, 1, 6), 5, 5, {"transactions": 5}),
]


@pytest.mark.parametrize(("as_of", "day", "known", "by_table"), CASES)
def test_watermark_is_the_newest_day_known_at_as_of(
    lake: Lake, as_of: date | None, day: int, known: int, by_table: dict[str, int]
) -> None:
    frames = {name: lake.spark.createDataFrame(rows, SCHEMA) for name, rows in TABLES.items()}
    watermark = find_watermark(frames, as_of)
    assert watermark.day == date(2024, 1, day)
    assert (watermark.newest_event_ts.day, watermark.newest_ingested_ts.day) == (day, known)
    assert {name: newest.day for name, newest in watermark.by_table.items()} == by_table


def test_without_valid_rows_there_is_no_watermark(lake: Lake) -> None:
    frames = {name: lake.spark.createDataFrame(rows, SCHEMA) for name, rows in TABLES.items()}
    with pytest.raises(ProfileError, match="before 2024-01-05") as refused:
        find_watermark(frames, date(2024, 1, 5))
    assert "quarantine" in refused.value.fix


def test_customers_set_the_watermark_only_if_alone() -> None:
    assert event_tables(["customers", "transactions", "churn_events"]) == [
        "transactions",
        "churn_events",
    ]
    assert event_tables(["customers"]) == ["customers"]


def test_given_outcomes_do_not_set_the_watermark() -> None:
    assert event_tables(["customers", "transactions", "churn_labels"]) == ["transactions"]


@pytest.mark.parametrize(
    ("newest", "as_of", "lag"),
    [(7, None, 0), (10, None, 3), (6, None, 0), (10, 9, 1), (10, 8, 0), (10, 31, 3)],
)
def test_lag_counts_from_the_newest_visible_day(newest: int, as_of: int | None, lag: int) -> None:
    assert (
        lag_days(date(2024, 1, 7), date(2024, 1, newest), date(2024, 1, as_of) if as_of else None)
        == lag
    )


def test_read_watermark_returns_the_day_of_its_table(lake: Lake) -> None:
    frame = lake.spark.createDataFrame([(date(2024, 1, 6),)], "watermark date")
    assert read_watermark({"validated/watermark": frame}.__getitem__) == date(2024, 1, 6)
