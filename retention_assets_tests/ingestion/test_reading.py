"""Files in, canonical rows out, on a real Spark: rows, their partition, and unreadable values."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from retention_assets.errors import ProfileError
from retention_assets.ingestion.reading import ReadWindow, read_days
from retention_assets.resources.lake import Lake
from retention_assets.settings import Settings
from retention_assets.sources.load_profile import load_profile

DAY = r"(\d{4}-\d{2}-\d{2})\."
JANUARY = ReadWindow(date(2024, 1, 1), date(2024, 1, 31), late_days=5)
TICKETS = {
    "path": "tickets/*",
    "format": "csv",
    "day_from_filename": DAY,
    "source_columns": {
        "Nr": "string",
        "who": "string",
        "date": "timestamp",
        "known": "string",
        "grade": "int",
    },
    "columns": {
        "ticket_id": "Nr",
        "customer_id": "upper(who)",
        "event_ts": "date",
        "ingested_ts": "to_timestamp(known, 'dd.MM.yyyy HH:mm')",
        "satisfaction": "6 - grade",
    },
}
HEADER = "Nr,who,date,known,grade"


def read_rows(
    spark: SparkSession,
    folder: Path,
    table: dict[str, Any],
    days: ReadWindow = JANUARY,
    name: str = "support_tickets",
) -> list[Any]:
    """The rows of one table of a source in these days, ordered by customer and text."""
    empty = {
        "path": "nothing/*",
        "format": "csv",
        "source_columns": {"a": "string", "t": "timestamp"},
    }
    people = empty | {"columns": {"customer_id": "a", "event_ts": "t"}}
    left = empty | {"columns": {"customer_id": "a", "event_ts": "t", "churn_type": "'lapsed'"}}
    (folder / "nothing").mkdir(exist_ok=True)
    (folder / "nothing" / "0.csv").write_text("a,t\n")
    content = {"start": "2024-01-01", "end": "2024-12-31", "churn": {"kind": "cancellation"}}
    content |= {"tables": {"customers": people, "churn_events": left} | {name: table}}
    (folder / "shop.yaml").write_text(json.dumps(content))
    profile = load_profile(Settings(home=folder / "home", source=str(folder / "shop.yaml")))
    return read_days(spark, profile, name, days).orderBy("customer_id", "raw_text").collect()


def tickets(folder: Path, day: str, *lines: str, header: str = HEADER) -> None:
    (folder / "tickets").mkdir(exist_ok=True)
    (folder / "tickets" / f"{day}.csv").write_text("\n".join([header, *lines]) + "\n")


def test_row_with_unreadable_value_keeps_text_and_errors(lake: Lake, tmp_path: Path) -> None:
    tickets(
        tmp_path,
        "2024-01-05",
        "1,ann,2024-01-05 10:00:00,05.01.2024 11:00,2",
        "2,bob,someday,05.01.2024 11:00,2",
        "3,cid,2024-01-05 10:00:00,soon,2",
        "4,dan,2024-01-05 10:00:00,05.01.2024 11:00,good",
        "5,eve,2024-01-05 10:00:00,05.01.2024 11:00,",
        "6,fay,2024-01-05 10:00:00",
    )
    read = read_rows(lake.spark, tmp_path, TICKETS)
    assert [
        (row["ticket_id"], row["customer_id"], row["satisfaction"], row["parse_errors"])
        for row in read
    ] == [
        ("1", "ANN", 4, []),
        ("2", "BOB", 4, ["event_ts"]),
        ("3", "CID", 4, ["ingested_ts"]),
        ("4", "DAN", None, ["satisfaction"]),
        ("5", "EVE", None, []),  # an empty value is not an error
        ("6", "FAY", None, []),
    ]
    assert json.loads(read[1]["raw_text"]) == {
        "Nr": "2",
        "who": "bob",
        "date": "someday",
        "known": "05.01.2024 11:00",
        "grade": "2",
    }
    assert {row["source_file"] for row in read} == {"tickets/2024-01-05.csv"}
    assert {row["event_date"] for row in read} == {date(2024, 1, 5)}, (
        "an unreadable time is dated by its arrival"
    )


def test_row_gets_its_event_day_unless_that_is_closed(lake: Lake, tmp_path: Path) -> None:
    tickets(
        tmp_path,
        "2024-01-20",
        "1,a,2024-01-20 10:00:00,20.01.2024 11:00,1",
        "2,b,2024-01-17 10:00:00,20.01.2024 11:00,1",  # three days late
        "3,c,2024-01-02 10:00:00,20.01.2024 11:00,1",  # later than that: the day is closed
        "4,d,2024-02-14 10:00:00,20.01.2024 11:00,1",  # arrives before it happened
    )
    tickets(
        tmp_path, "2024-01-02", "5,e,2019-06-01 10:00:00,02.01.2024 11:00,1"
    )  # before the source starts
    days = {
        row["ticket_id"]: row["event_date"].day for row in read_rows(lake.spark, tmp_path, TICKETS)
    }
    assert days == {"1": 20, "2": 17, "3": 15, "4": 20, "5": 1}


def test_parts_of_a_range_read_the_same_rows_as_the_whole(lake: Lake, tmp_path: Path) -> None:
    """So a rerun of one day or of a year replaces each day with the same rows."""
    for day in range(8, 13):
        happened = [
            f"{day}-{late},x{late},2024-01-{day - late:02} 10:00:00,{day:02}.01.2024 11:00,1"
            for late in range(8)
        ]
        tickets(
            tmp_path, f"2024-01-{day:02}", *happened, f"{day}-?,y,never,{day:02}.01.2024 11:00,1"
        )

    def read(first: int, last: int) -> set[tuple[str, date]]:
        days = ReadWindow(date(2024, 1, first), date(2024, 1, last), late_days=5)
        return {
            (row["ticket_id"], row["event_date"])
            for row in read_rows(lake.spark, tmp_path, TICKETS, days)
        }

    whole = read(1, 31)
    assert len(whole) == 45 and read(1, 8) | read(9, 9) | read(10, 31) == whole
    assert read(9, 9) == {row for row in whole if row[1] == date(2024, 1, 9)} != set()


def test_columns_are_read_by_name_in_any_order(lake: Lake, tmp_path: Path) -> None:
    tickets(tmp_path, "2024-01-05", "1,ann,2024-01-05 10:00:00,05.01.2024 11:00,2")
    tickets(
        tmp_path,
        "2024-01-06",
        '2,"Bob, Sr",note,06.01.2024 11:00,2024-01-06 10:00:00',
        header="GRADE,who,extra,known,date,Nr",
    )
    tickets(
        tmp_path,
        "2024-01-07",
        "1,eve,n,07.01.2024 11:00,2024-01-07 10:00:00,9",
        header="grade,who,extra,known,date,nr",
    )
    read = [
        (row["ticket_id"], row["customer_id"], row["satisfaction"])
        for row in read_rows(lake.spark, tmp_path, TICKETS)
    ]
    assert read == [("1", "ANN", 4), (None, "BOB, SR", 4), ("9", "EVE", 5)]


def test_first_seen_gives_each_customer_once_in_any_range(lake: Lake, tmp_path: Path) -> None:
    first_seen = {
        "path": "tickets/*",
        "format": "csv",
        "day_from_filename": DAY,
        "derive": "first_seen",
        "where": "who <> 'test'",
        "source_columns": {"who": "string", "date": "timestamp", "land": "string"},
        "columns": {"customer_id": "who", "event_ts": "date", "country": "land"},
    }
    header = "who,date,land"
    tickets(
        tmp_path,
        "2024-01-05",
        "ann,2024-01-05 10:00:00,UK",
        "test,2024-01-05 10:00:00,UK",
        header=header,
    )
    tickets(
        tmp_path,
        "2024-01-06",
        "bob,2024-01-06 10:00:00,FR",
        "bob,2024-01-06 10:00:00,DE",
        header=header,
    )
    tickets(
        tmp_path,
        "2024-01-07",
        "ann,2024-01-07 10:00:00,ES",
        "ann,2024-01-03 10:00:00,IT",
        ",2024-01-07 09:00:00,UK",
        header=header,
    )

    def customers(window: ReadWindow) -> list[tuple]:
        read = read_rows(lake.spark, tmp_path, first_seen, window, "customers")
        return [(row["customer_id"], row["country"], row["event_date"].day) for row in read]

    assert customers(JANUARY) == [("ann", "IT", 3), ("bob", "DE", 6)]
    assert customers(ReadWindow(date(2024, 1, 6), date(2024, 1, 31), 5)) == [("bob", "DE", 6)]


@pytest.mark.parametrize("file_format", ["json", "parquet", "delta"])
def test_other_formats_give_the_same_rows(lake: Lake, tmp_path: Path, file_format: str) -> None:
    source = tmp_path / "tickets"
    if file_format == "json":
        source.mkdir()
        (source / "all.json").write_text(
            '{"Nr": "1", "who": "ann", "date": "2024-01-05T10:00:00Z", "grade": 2, "known": "-"}\n'
        )
    else:
        moment = pa.array([datetime(2024, 1, 5, 10, tzinfo=UTC)], pa.timestamp("us", tz="UTC"))
        table = pa.table(
            {
                "Nr": ["1"],
                "who": ["ann"],
                "date": moment,
                "grade": pa.array([2], pa.int32()),
                "known": ["-"],
            }
        )
        source.mkdir()
        pq.write_table(table, source / "all.parquet")
    if file_format == "delta":
        lake.spark.read.parquet(str(source)).write.format("delta").save(str(tmp_path / "table"))
    columns = TICKETS["columns"] | {"ingested_ts": "date"}
    path = "table" if file_format == "delta" else f"tickets/*.{file_format}"
    table = TICKETS | {
        "format": file_format,
        "path": path,
        "day_from_filename": None,
        "columns": columns,
    }
    (row,) = read_rows(lake.spark, tmp_path, table)
    assert (row["ticket_id"], row["customer_id"], row["satisfaction"], row["parse_errors"]) == (
        "1",
        "ANN",
        4,
        [],
    )
    assert row["event_ts"] == row["ingested_ts"] and row["event_date"] == date(2024, 1, 5)
    assert row["category"] is None and json.loads(row["raw_text"])["who"] == "ann"


def test_refused_expression_names_profile_and_table(lake: Lake, tmp_path: Path) -> None:
    tickets(tmp_path, "2024-01-05", "1,ann,2024-01-05 10:00:00,05.01.2024 11:00,2")
    wrong = TICKETS | {"columns": TICKETS["columns"] | {"category": "nosuchfunction(who)"}}
    with pytest.raises(
        ProfileError,
        match=r"shop, table support_tickets: Spark refuses .*nosuchfunction.*tables.support_",
    ):
        read_rows(lake.spark, tmp_path, wrong)
