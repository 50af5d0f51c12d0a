"""How far the data goes: the newest day of any event table, by what was known as of then; without a valid row there is none."""

from datetime import UTC, date, datetime

import pytest

from retention_assets.errors import ProfileError
from retention_assets.resources.lake import Lake
from retention_assets.validation.watermark import event_tables, find_watermark, lag_days

SCHEMA = "event_date date, event_ts timestamp, ingested_ts timestamp"


def facts(*days: tuple[int, int]) -> list[tuple]:
    """Rows of January 2024, each by the day it happened and the day it was learned of."""
    hours = (
        (datetime(2024, 1, happened, 9, tzinfo=UTC), datetime(2024, 1, learned, 12, tzinfo=UTC))
        for happened, learned in days
    )
    return [(event.date(), event, ingested) for event, ingested in hours]


# A ticket of the third is learned of on the ninth; of churn there is no valid row.
TABLES = {
    "transactions": facts((5, 5), (7, 7)),
    "support_tickets": facts((3, 9), (6, 6)),
    "churn_events": [],
}
# as-of -> the watermark, when its newest fact was learned of, and how far each table goes.
SEEN: list[tuple[date | None, int, int, dict[str, int]]] = [
    (None, 7, 9, {"transactions": 7, "support_tickets": 6}),
    (date(2024, 1, 10), 7, 9, {"transactions": 7, "support_tickets": 6}),
    (date(2024, 1, 8), 7, 7, {"transactions": 7, "support_tickets": 6}),
    (date(2024, 1, 7), 6, 6, {"transactions": 5, "support_tickets": 6}),
    (date(2024, 1, 6), 5, 5, {"transactions": 5}),
]


@pytest.mark.parametrize(("as_of", "day", "learned", "by_table"), SEEN)
def test_the_newest_day_before_the_as_of_by_what_was_known_then(
    lake: Lake, as_of: date | None, day: int, learned: int, by_table: dict[str, int]
) -> None:
    frames = {name: lake.spark.createDataFrame(rows, SCHEMA) for name, rows in TABLES.items()}
    found = find_watermark(frames, as_of)
    assert found.day == date(2024, 1, day)
    assert (found.newest_event_ts.day, found.newest_ingested_ts.day) == (day, learned)
    assert {name: newest.day for name, newest in found.by_table.items()} == by_table


def test_without_a_valid_row_there_is_no_watermark_and_it_says_where_to_look(lake: Lake) -> None:
    frames = {name: lake.spark.createDataFrame(rows, SCHEMA) for name, rows in TABLES.items()}
    with pytest.raises(ProfileError, match="before 2024-01-05") as told:
        find_watermark(frames, date(2024, 1, 5))
    assert "quarantine" in told.value.fix


def test_sign_ups_do_not_say_how_far_a_source_goes_unless_there_is_nothing_else() -> None:
    assert event_tables(["customers", "transactions", "churn_events"]) == [
        "transactions",
        "churn_events",
    ]
    assert event_tables(["customers"]) == ["customers"]


@pytest.mark.parametrize(
    ("newest", "as_of", "lag"),
    [(7, None, 0), (10, None, 3), (6, None, 0), (10, 9, 1), (10, 8, 0), (10, 31, 3)],
)
def test_the_lag_is_counted_from_the_newest_day_that_can_be_seen(
    newest: int, as_of: int | None, lag: int
) -> None:
    assert (
        lag_days(date(2024, 1, 7), date(2024, 1, newest), date(2024, 1, as_of) if as_of else None)
        == lag
    )
