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
from retention_assets.ingestion.reading import read_texts
from retention_assets.resources.lake import Lake
from retention_assets.settings import Settings
from retention_assets.sources.load_profile import load_profile
from retention_assets_tests.ingestion.factories import read_table

DAY = r"(\d{4}-\d{2}-\d{2})\."
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
    *,
    first_open: date | None = None,
    name: str = "support_tickets",
) -> list[Any]:
    """The rows of one table of a source, ordered by customer and text."""
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
    rows = read_table(spark, profile, name, first_open=first_open)
    read = rows.orderBy("customer_id", "raw_text").collect()
    sound = rows.where("row_fault IS NULL")
    from_texts = read_texts(sound, profile, name).orderBy("customer_id", "raw_text").collect()
    assert from_texts == [row for row in read if row["row_fault"] is None]
    return read


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
    assert [row["arrival_date"].day for row in read] == [5, 5, 1, 5, 5, 1], (
        "a row without an arrival time arrives on the first open day"
    )


def test_row_arrives_when_stated_unless_day_is_closed(lake: Lake, tmp_path: Path) -> None:
    tickets(tmp_path, "2024-01-18", "0,0,2024-01-18 10:00:00,18.01.2024 11:00,1")
    tickets(
        tmp_path,
        "2024-01-20",
        "1,a,2024-01-20 10:00:00,20.01.2024 11:00,1",
        "2,b,2023-11-17 10:00:00,20.01.2024 11:00,1",  # it happened two months before
        "3,c,2024-01-02 10:00:00,18.01.2024 11:00,1",  # stated when the day before was open
        "4,d,2024-01-20 10:00:00,21.01.2024 02:00,1",  # stated on the morning after
        "5,e,2024-01-20 10:00:00,21.01.2074 02:00,1",  # stated in fifty years
    )

    def arrivals(first_open: date | None = None) -> dict[str, int]:
        read = read_rows(lake.spark, tmp_path, TICKETS, first_open=first_open)
        assert {row["stated_ts"].year for row in read} == {2024, 2074}
        return {row["ticket_id"]: row["arrival_date"].day for row in read}

    assert arrivals() == {"0": 18, "1": 20, "2": 20, "3": 19, "4": 21, "5": 21}
    closed = arrivals(date(2024, 1, 23))
    assert closed == dict.fromkeys("012345", 23)


def test_row_without_arrival_time_arrives_with_its_file(lake: Lake, tmp_path: Path) -> None:
    """At the end of the day in the file's name; without one, when it happened."""
    columns = {name: sql for name, sql in TICKETS["columns"].items() if name != "ingested_ts"}
    unstamped = TICKETS | {"columns": columns}
    tickets(tmp_path, "2024-01-05", "1,ann,2024-01-03 10:00:00,-,2", "2,bob,someday,-,2")
    times = ("2024-01-05 23:59:59.999999", date(2024, 1, 5))
    read = read_rows(lake.spark, tmp_path, unstamped)
    assert [(str(row["ingested_ts"]), row["arrival_date"]) for row in read] == [times, times]
    undated = unstamped | {"day_from_filename": None}
    ann, bob = read_rows(lake.spark, tmp_path, undated)
    assert str(ann["ingested_ts"]) == str(ann["stated_ts"]) == "2024-01-03 10:00:00"
    assert (bob["stated_ts"], bob["arrival_date"]) == (None, date(2024, 1, 1))


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
    assert row["event_ts"] == row["ingested_ts"] and row["arrival_date"] == date(2024, 1, 5)
    assert row["category"] is None and json.loads(row["raw_text"])["who"] == "ann"


def test_refused_expression_names_profile_and_table(lake: Lake, tmp_path: Path) -> None:
    tickets(tmp_path, "2024-01-05", "1,ann,2024-01-05 10:00:00,05.01.2024 11:00,2")
    wrong = TICKETS | {"columns": TICKETS["columns"] | {"category": "nosuchfunction(who)"}}
    with pytest.raises(
        ProfileError,
        match=r"shop, table support_tickets: Spark refuses .*nosuchfunction.*tables.support_",
    ):
        read_rows(lake.spark, tmp_path, wrong)
