"""Which days are open, and on which of them the rows of a file may arrive."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from retention_assets.sources.arrival import arrival_days, delivered_through, first_open_day
from retention_assets.sources.ledger import READ, LedgerContent, LedgerEntry
from retention_assets.sources.profile import Profile
from retention_assets.sources.source_files import SourceFile

SHOP = Profile.model_validate(
    {
        "name": "shop",
        "start": "2024-01-01",
        "end": "2024-01-31",
        "churn": {"kind": "inactivity"},
        "tables": {name: {"path": f"{name}/*"} for name in ("transactions", "customers")},
    }
)
ENTRY = LedgerEntry("", "", 1, READ, None, 1, 1, reading="", run_id="")


def january(day: int) -> date:
    return date(2024, 1, day)


def read(table: str, through: int | None, run: str = "run-1") -> LedgerEntry:
    day = january(through) if through else None
    return replace(ENTRY, table=table, day=day, through=day, run_id=run)


def first_open(*readings: LedgerEntry, failed: str = "", shop: Profile = SHOP) -> int:
    content = LedgerContent({}, {}, readings)
    day = first_open_day(shop, "transactions", content, patience_days=7, unfinished_runs=[failed])
    return day.day


def test_new_table_has_no_closed_day() -> None:
    assert first_open() == 1
    assert first_open(read("customers", 20)) == 1, "however far the others are"


def test_day_after_the_newest_file_is_open() -> None:
    assert first_open(read("transactions", 9), read("transactions", 5)) == 10


def test_other_tables_close_days_after_a_while() -> None:
    assert first_open(read("transactions", 9), read("customers", 16)) == 10
    assert first_open(read("transactions", 9), read("customers", 20)) == 14
    assert first_open(read("transactions", None), read("customers", 20)) == 14


def test_failed_run_closes_no_day() -> None:
    """What an earlier run has closed stays closed."""
    readings = [read("transactions", 5), read("transactions", 9, run="run-2")]
    assert first_open(*readings, failed="run-2") == 6
    assert first_open(readings[1], failed="run-2") == 1


def test_last_day_of_the_source_stays_open() -> None:
    assert first_open(read("transactions", 31)) == 31
    goes_on = SHOP.model_copy(update={"end": None})
    assert first_open(read("transactions", 30), shop=goes_on) == 31


def test_only_its_own_files_deliver_a_table() -> None:
    """Empty ones too: they say that nothing happened."""

    def delivered(*readings: LedgerEntry) -> date:
        content = LedgerContent({}, {}, readings)
        return delivered_through(SHOP, "transactions", content, ["failed"])

    own_file = read("transactions", 9)
    assert delivered(own_file, read("transactions", 5), read("customers", 31)) == january(9)
    assert delivered(own_file, replace(read("transactions", 12), rows=0)) == january(12)
    assert delivered(own_file, read("transactions", 12, run="failed")) == january(9)
    assert delivered(read("transactions", None), read("customers", 31)) == date(2023, 12, 31)


def file(day: int | None) -> SourceFile:
    return SourceFile("transactions", Path(f"{day}.csv"), january(day) if day else None, 1, 1)


def earliest(*days: int, first_open: int, read_before: tuple[int, ...] = ()) -> list[int]:
    files = [file(day) for day in days]
    content = LedgerContent({}, {}, tuple(read("transactions", day) for day in read_before))
    result = arrival_days(
        SHOP,
        files,
        content,
        first_open=january(first_open),
        last=january(31),
        known_files=files,
    )
    return [result.files[file].day for file in files]


def test_rows_arrive_after_the_file_before_theirs() -> None:
    """So that one load of all files equals their loads day by day."""
    assert earliest(2, 5, 6, first_open=1) == [1, 3, 6]
    assert earliest(5, 6, first_open=3, read_before=(2,)) == [3, 6]
    assert earliest(6, first_open=6, read_before=(2, 5)) == [6]


def test_late_file_arrives_on_the_first_open_day() -> None:
    assert earliest(3, 10, first_open=10, read_before=(2, 9)) == [10, 10]


@pytest.mark.parametrize(
    ("days", "first_open", "last", "expected"),
    [
        ((2, 5), 1, 20, 6),  # a row of the 5th may be stamped on the morning after
        ((2,), 9, 20, 9),
        ((31,), 9, 31, 31),
        ((None,), 1, 20, 20),
    ],
)
def test_no_row_arrives_after_the_reading(
    days: tuple[int | None, ...], first_open: int, last: int, expected: int
) -> None:
    files = [file(day) for day in days]
    result = arrival_days(
        SHOP,
        files,
        LedgerContent({}, {}),
        first_open=january(first_open),
        last=january(last),
        known_files=files,
    )
    assert result.last == january(expected)
