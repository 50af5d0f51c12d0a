"""Real invoices of a real retailer, raw as published: three days of trade, with counts known from the files by other means."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from retention_assets.ingestion.reading import ReadWindow, read_days
from retention_assets.resources.lake import Lake
from retention_assets.settings import Settings
from retention_assets.sources.load_profile import load_profile
from retention_assets.sources.profile import Profile

DAYS = ReadWindow(date(2010, 12, 1), date(2010, 12, 3), late_days=0)


@pytest.fixture(scope="module")
def online_retail(online_retail_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Profile:
    return load_profile(
        Settings(
            source="online_retail", data_dir=online_retail_dir, home=tmp_path_factory.mktemp("home")
        )
    )


@pytest.fixture(scope="module")
def lines(lake: Lake, online_retail: Profile) -> list[Any]:
    return read_days(lake.spark, online_retail, "transactions", DAYS).frame.collect()


def test_every_line_of_every_day_is_read(lines: list[Any]) -> None:
    by_day = {day: [row["event_date"].day for row in lines].count(day) for day in (1, 2, 3)}
    assert by_day == {1: 3108, 2: 2109, 3: 2202} and len(lines) == sum(by_day.values())
    assert {row["source_file"] for row in lines} == {
        f"by-day/2010-12-0{day}.csv" for day in (1, 2, 3)
    }


def test_what_the_source_leaves_out_or_repeats_stays_as_it_is(lines: list[Any]) -> None:
    assert sum(row["customer_id"] is None for row in lines) == 1140 + 65 + 1085
    assert sum(row["amount"] <= 0 for row in lines) == 10 + 2 + 33
    assert (
        len({row["transaction_id"] for row in lines}) == 3064 + 2068 + 2185
    )  # equal lines are one line, sent twice
    assert [row for row in lines if row["parse_errors"]] == []


def test_cancelled_invoices_and_negative_quantities_are_returns(lines: list[Any]) -> None:
    assert sum(row["kind"] == "return" for row in lines) == 27 + 45 + 42
    assert all(row["quantity"] >= 0 for row in lines)
    (first,) = {(row["customer_id"], row["amount"], str(row["event_ts"])) for row in lines
                if row["order_id"] == "536365" and row["product_id"] == "85123A"}  # fmt: skip
    assert first == ("17850", 15.3, "2010-12-01 08:26:00")


def test_a_customer_is_known_from_the_first_line_that_bears_a_price(
    lake: Lake, online_retail: Profile
) -> None:
    customers = read_days(lake.spark, online_retail, "customers", DAYS).frame.collect()
    ids = [row["customer_id"] for row in customers]
    assert len(ids) == len(set(ids)) == 255
    (known,) = [row for row in customers if row["customer_id"] == "17850"]
    assert (known["country"], str(known["event_ts"])) == ("United Kingdom", "2010-12-01 08:26:00")
