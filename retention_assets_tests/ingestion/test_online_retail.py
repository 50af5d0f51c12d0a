"""Real invoices of a retailer: three days of trade, with counts that were taken without Spark."""

import csv
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame

from retention_assets.ingestion.arrival_times import first_sights
from retention_assets.resources.lake import Lake
from retention_assets.settings import Settings
from retention_assets.sources.load_profile import load_profile
from retention_assets.sources.profile import Profile
from retention_assets_tests.ingestion.factories import read_table

LAST = date(2010, 12, 3)


@pytest.fixture(scope="module")
def online_retail(online_retail_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Profile:
    return load_profile(
        Settings(
            source="online_retail", data_dir=online_retail_dir, home=tmp_path_factory.mktemp("home")
        )
    )


@pytest.fixture(scope="module")
def lines(lake: Lake, online_retail: Profile) -> list[Any]:
    return read_first_days(lake, online_retail, "transactions").collect()


def read_first_days(lake: Lake, profile: Profile, name: str) -> DataFrame:
    """The rows of the files of 1 to 3 December."""
    short = profile.model_copy(update={"end": LAST})
    rows = read_table(lake.spark, short, name, last=LAST)
    return first_sights(rows, None, profile.start) if name == "customers" else rows


def test_every_line_of_every_day_is_read(lines: list[Any]) -> None:
    by_day = {day: [row["arrival_date"].day for row in lines].count(day) for day in (1, 2, 3)}
    assert by_day == {1: 3108, 2: 2109, 3: 2202} and len(lines) == sum(by_day.values())
    assert {row["source_file"] for row in lines} == {
        f"by-day/2010-12-0{day}.csv" for day in (1, 2, 3)
    }


def test_missing_and_repeated_values_are_kept(lines: list[Any]) -> None:
    assert sum(row["customer_id"] is None for row in lines) == 1140 + 65 + 1085
    assert sum(row["amount"] <= 0 for row in lines) == 10 + 2 + 33
    assert (
        len({row["transaction_id"] for row in lines}) == 3064 + 2068 + 2185
    )  # equal lines are the same line, sent twice
    assert [row for row in lines if row["parse_errors"]] == []


def test_canceled_invoices_and_negative_units_are_returns(lines: list[Any]) -> None:
    assert sum(row["kind"] == "return" for row in lines) == 27 + 45 + 42
    assert all(row["quantity"] >= 0 for row in lines)
    (first,) = {
        (row["customer_id"], row["amount"], str(row["event_ts"]))
        for row in lines
        if row["order_id"] == "536365" and row["product_id"] == "85123A"
    }
    assert first == ("17850", 15.3, "2010-12-01 08:26:00")


def test_customer_is_known_from_the_first_priced_line(lake: Lake, online_retail: Profile) -> None:
    customers = read_first_days(lake, online_retail, "customers").collect()
    ids = [row["customer_id"] for row in customers]
    assert len(ids) == len(set(ids)) == 255
    (known,) = [row for row in customers if row["customer_id"] == "17850"]
    assert (known["country"], str(known["event_ts"])) == ("United Kingdom", "2010-12-01 08:26:00")


OF_FILES = ("source_file", "raw_text", "stated_ts", "ingested_ts")
HEADER = [
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
]
INVOICES = [
    ["536365", "85123A", "HEART, WHITE", "6", "2010-12-01 08:26:00", "2.55", "17850.0", "France"],
    ["C536379", "D", "Discount", "-1", "2010-12-01 19:41:00", "27.5", "14527.0", "Germany"],
    ["536594", "21733", "", "32", "2010-12-02 09:00:00", "2.55", "", "France"],
    ["536600", "21733", "LAMP", "1", "2010-12-02 10:05:00", "0.0", "17850.0", "France"],
]


def american(time: str) -> str:
    moment = datetime.fromisoformat(time)
    return f"{moment.month}/{moment.day}/{moment.year} {moment.hour}:{moment:%M}"


def write_csv(file: Path, invoices: list[list[str]], write_time: Callable[[str], str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="") as stream:
        rows = [[*row[:4], write_time(row[4]), *row[5:]] for row in invoices]
        csv.writer(stream).writerows([HEADER, *rows])


def canonical_rows(lake: Lake, data_dir: Path) -> dict[str, list[tuple]]:
    """Rows of both tables without their file, its text, and the time of day at which they arrived,
    which only a file with a day in its name leaves open.
    """
    settings = Settings(source="online_retail", data_dir=data_dir, home=data_dir / "home")
    profile = load_profile(settings)
    frames = {
        name: read_first_days(lake, profile, name).drop(*OF_FILES)
        for name in ("transactions", "customers")
    }
    return {name: sorted(map(tuple, frame.collect()), key=str) for name, frame in frames.items()}


@pytest.mark.parametrize("write_time", [str, american])
def test_one_exported_csv_gives_the_rows_of_the_daily_files(
    lake: Lake, tmp_path: Path, write_time: Callable[[str], str]
) -> None:
    """The whole file exported to one CSV, with ISO or American times, needs no file per day."""
    for day in ("2010-12-01", "2010-12-02"):
        invoices = [row for row in INVOICES if row[4].startswith(day)]
        write_csv(tmp_path / f"daily/online_retail/by-day/{day}.csv", invoices, str)
    write_csv(tmp_path / "whole/online_retail/Online Retail.csv", INVOICES, write_time)
    daily = canonical_rows(lake, tmp_path / "daily")
    assert [len(rows) for rows in daily.values()] == [4, 2]
    assert canonical_rows(lake, tmp_path / "whole") == daily
