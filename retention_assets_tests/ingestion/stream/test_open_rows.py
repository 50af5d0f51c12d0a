"""Open rows are added once, and land in their files once, also after a process has died."""

from datetime import date
from pathlib import Path

import pytest

from retention_assets.ingestion.stream.delivery import Line
from retention_assets.ingestion.stream.open_rows import CheckedLine, OpenRows

MONDAY = date(2024, 3, 4)
TUESDAY = date(2024, 3, 5)


def line(text: str, day: date = MONDAY) -> Line:
    return Line("transactions", day, text, "a.jsonl", delivered_at=0.0)


def checked(
    text: str, customer: str = "ann", *, day: date = MONDAY, reason: str = ""
) -> CheckedLine:
    return CheckedLine(line(text, day), customer, reason)


@pytest.fixture
def rows(tmp_path: Path) -> OpenRows:
    return OpenRows(tmp_path / "open_rows.db", tmp_path / "landed")


def landed(tmp_path: Path, day: date = MONDAY) -> list[str]:
    return (tmp_path / "landed" / "transactions" / f"{day}.jsonl").read_text().splitlines()


def test_known_line_is_no_new_one(rows: OpenRows) -> None:
    rows.add([checked("one")])
    new = rows.unknown([line("one"), line("two"), line("two"), line("one", TUESDAY)])
    assert [(item.text, item.day) for item in new] == [("two", MONDAY), ("one", TUESDAY)]


def test_lines_land_once_in_the_file_of_their_day(rows: OpenRows, tmp_path: Path) -> None:
    rows.add([checked("one"), checked("late", day=TUESDAY)])
    rows.land()
    rows.add([checked("two"), checked("one"), checked("bad", reason="amount is missing")])
    rows.land()
    rows.land()
    assert landed(tmp_path) == ["one", "two", "bad"]
    assert landed(tmp_path, TUESDAY) == ["late"]


def test_half_written_lines_are_cut_off(rows: OpenRows, tmp_path: Path) -> None:
    rows.add([checked("one")])
    rows.land()
    file = tmp_path / "landed" / "transactions" / f"{MONDAY}.jsonl"
    with file.open("a") as interrupted:
        interrupted.write('{"tw')
    rows.add([checked("two")])
    rows.close()
    again = OpenRows(tmp_path / "open_rows.db", tmp_path / "landed")
    again.land()
    assert landed(tmp_path) == ["one", "two"]


def test_rows_that_the_lake_holds_are_dropped(rows: OpenRows, tmp_path: Path) -> None:
    rows.add([checked("one"), checked("two")])
    rows.land()
    size = (tmp_path / "landed" / "transactions" / f"{MONDAY}.jsonl").stat().st_size
    rows.add([checked("three")])
    rows.land()
    rows.forget({("transactions", MONDAY): size})
    assert [item.text for item in rows.of_customers(["ann", "bob"])] == ["three"]
    rows.add([checked("four")])
    rows.land()
    assert landed(tmp_path) == ["one", "two", "three", "four"]


def test_broken_lines_are_no_rows_of_a_customer(rows: OpenRows) -> None:
    rows.add([checked("one"), checked("bad", reason="amount is missing"), checked("two", "bob")])
    assert [item.text for item in rows.of_customers(["ann"])] == ["one"]
    assert [item.text for item in rows.after(0, limit=10)] == ["one", "two"]
    assert rows.count() == 3 and rows.days("transactions") == [MONDAY]


def test_newest_day_is_that_of_rows_that_break_no_rule(rows: OpenRows) -> None:
    assert rows.newest_day(["transactions"]) is None
    broken = CheckedLine(line("bad"), "ann", "amount is missing", date(2024, 5, 1))
    rows.add([CheckedLine(line("one"), "ann", "", MONDAY), broken])
    assert rows.newest_day(["transactions", "churn_events"]) == MONDAY
    assert rows.newest_day(["churn_events"]) is None
