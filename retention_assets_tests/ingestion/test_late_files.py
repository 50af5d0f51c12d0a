"""Files that come late, change, or repeat others: their rows arrive on the first open day, closed
days stay as they are, and one load of all files equals loads of parts of them.
"""

from datetime import date
from pathlib import Path

import yaml
from pyspark.sql import functions as F

from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.sources.ledger import Ledger, survey
from retention_assets.sources.profile import Profile
from retention_assets.sources.source_files import present_files
from retention_assets_tests.ingestion.table_load import load_table
from retention_assets_tests.ingestion.test_raw import (
    materialize,
    orders,
    write_orders,
)
from retention_assets_tests.sources.test_load_profile import GOOD, changed, write


def arrivals(lake: Lake, key: str = "raw/transactions") -> list[tuple[str, int]]:
    """Order and day of January on which it arrived."""
    return sorted((order, int(day[-2:])) for order, _, day, _ in orders(lake, key))


def test_late_and_changed_files_arrive_on_first_open_day(tmp_path: Path, own_lake: Lake) -> None:
    settings = write(tmp_path, GOOD)
    write_orders(tmp_path, "05", "2,ann,2024-01-05 10:00:00,5.0")
    assert materialize(settings, own_lake).success
    assert arrivals(own_lake) == [("1", 2), ("2", 5)]
    write_orders(tmp_path, "03", "8,bob,2024-01-03 10:00:00,5.0")
    write_orders(tmp_path, "05", "2,ann,2024-01-05 10:00:00,5.0", "9,bob,2024-01-05 11:00:00,5.0")
    assert materialize(settings, own_lake).success
    assert arrivals(own_lake) == [("1", 2), ("2", 5), ("8", 6), ("9", 6)]
    counts = {
        path: (entry.rows_read, entry.kept, entry.rows, entry.gone)
        for (table, path), entry in Ledger(own_lake.root).content().read.items()
        if table == "transactions"
    }
    assert counts == {
        "orders/2024-01-02.csv": (1, 0, 1, 0),
        "orders/2024-01-03.csv": (1, 0, 1, 0),
        "orders/2024-01-05.csv": (2, 1, 1, 0),
    }
    # A line that leaves its file is counted; what it said stays.
    write_orders(tmp_path, "05", "9,bob,2024-01-05 11:00:00,5.0")
    assert materialize(settings, own_lake).success
    raw = own_lake.read("raw/transactions")
    assert [row["order_id"] for row in raw.where("is_gone").collect()] == ["2"]
    entry = Ledger(own_lake.root).content().read["transactions", "orders/2024-01-05.csv"]
    assert (entry.rows_read, entry.kept, entry.rows, entry.gone) == (1, 0, 1, 1)
    assert arrivals(own_lake) == [("1", 2), ("2", 5), ("8", 6), ("9", 6)]
    write_orders(tmp_path, "05", "2,ann,2024-01-05 10:00:00,5.0", "9,bob,2024-01-05 11:00:00,5.0")
    # Other columns of the same files: the table is read anew from the start. The rows of a file
    # that is gone or has changed are read from their texts, and stay on the days of their arrival.
    (tmp_path / "orders" / "2024-01-03.csv").unlink()
    twice = changed("tables", "transactions", "columns", "amount", to="total * 2")
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(twice))
    assert materialize(settings, own_lake, first=date(2024, 1, 6)).success
    assert arrivals(own_lake) == [("1", 2), ("2", 5), ("8", 6), ("9", 6)], "not over all days"
    assert materialize(settings, own_lake).success
    assert arrivals(own_lake) == [("1", 2), ("2", 5), ("8", 6), ("9", 6)]
    amounts = {row["amount"] for row in own_lake.read("raw/transactions").collect()}
    assert amounts == {10.0}


def test_nothing_is_read_before_the_first_open_day(tmp_path: Path, own_lake: Lake) -> None:
    settings = write(tmp_path, GOOD)
    result = materialize(settings, own_lake, first=date(2024, 1, 4))
    failure = next(event for event in result.all_events if event.is_step_failure)
    message = str(failure.step_failure_data.error)
    assert "has no rows yet, and 2024-01-04 to 2024-01-10 is not where reading begins" in message
    assert "Materialize days from 2024-01-01 on" in message
    assert materialize(settings, own_lake, last=date(2024, 1, 3)).success
    assert arrivals(own_lake) == [("1", 2)], "the file of the 5th is not read"
    assert materialize(settings, own_lake, first=date(2024, 1, 5)).success
    assert arrivals(own_lake) == [("1", 2)], "the 3rd and the 4th are still open"


def versions(lake: Lake) -> list[tuple[str, int, float]]:
    """Order, day of January on which the version arrived, and amount."""
    facts = lake.read("validated/transactions")
    return sorted(map(tuple, facts.select("order_id", F.day("arrival_date"), "amount").collect()))


def test_table_read_anew_keeps_rows_that_left_their_files(tmp_path: Path, own_lake: Lake) -> None:
    """Order 2 was corrected in its file, and 7 left it; another changes with the mapping."""
    settings = write(tmp_path, GOOD)
    profile = Platform.of(settings).profile
    write_orders(tmp_path, "05", "2,ann,2024-01-05 10:00:00,5.0", "7,dan,2024-01-05 10:00:00,1.0")
    load_all(own_lake, profile, date(2024, 1, 5))
    write_orders(tmp_path, "05", "2,ann,2024-01-05 10:00:00,6.0")
    write_orders(tmp_path, "06", "3,bob,2024-01-06 10:00:00,5.0")
    load_table(own_lake, profile, "transactions", date(2024, 1, 6))

    twice = changed("tables", "transactions", "columns", "amount", to="total * 2")
    twice["tables"]["customers"]["columns"]["country"] = "'AT'"
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(twice))
    profile = Platform.of(settings).profile
    write_orders(tmp_path, "06", "8,cid,2024-01-06 10:00:00,7.0")
    today = date(2024, 1, 7)
    load_all(own_lake, profile, today)
    kept = [("1", 2, 10.0), ("2", 5, 10.0), ("2", 6, 12.0), ("3", 6, 10.0), ("7", 5, 2.0)]
    assert versions(own_lake) == kept
    people = own_lake.read("raw/customers").select("customer_id", "country")
    assert dict(people.collect()) == dict.fromkeys(("ann", "cid", "dan"), "AT")

    # The next run reads what the changed files hold.
    assert load_table(own_lake, profile, "transactions", today) == date(2024, 1, 7)
    assert versions(own_lake) == [*kept, ("8", 7, 14.0)]
    content = Ledger(own_lake.root).content()
    assert not survey(profile, present_files(profile), content).remapped
    assert all(entry.is_stored_whole for entry in content.readings)


DELIVERIES = {
    "02": ["1,ann,2024-01-02 10:00:00,5.0", "1,ann,2024-01-02 10:00:00,5.0"],
    "05": ["2,bob,2024-01-05 10:00:00,5.0", "1,ann,2024-01-02 10:00:00,6.0"],  # a correction
    "06": ["3,cid,2023-06-01 10:00:00,5.0", "4,cid,2024-01-06 10:00:00,5.0"],  # before the start
    "08": ["5,cid,2024-01-03 10:00:00,5.0", "6,dan,2074-01-03 10:00:00,5.0"],  # late; in 50 years
}
TABLES = (
    "raw/transactions",
    "raw/customers",
    "validated/transactions",
    "validated/customers",
    "quarantine/transactions",
    "features/daily_activity",
)


def contents(lake: Lake) -> dict[str, list[tuple]]:
    return {key: sorted(map(tuple, lake.read(key).collect()), key=str) for key in TABLES}


def load_all(lake: Lake, profile: Profile, today: date) -> None:
    for name in ("transactions", "customers"):
        load_table(lake, profile, name, today)


def test_one_load_equals_loads_in_parts(tmp_path: Path, own_lake: Lake, module_lake: Lake) -> None:
    settings = write(tmp_path, GOOD | {"max_quarantined_share": 0.9})
    profile = Platform.of(settings).profile
    write_orders(tmp_path, "02", *DELIVERIES["02"])
    write_orders(tmp_path, "05", *DELIVERIES["05"])
    load_all(own_lake, profile, date(2024, 1, 5))
    write_orders(tmp_path, "06", *DELIVERIES["06"])
    write_orders(tmp_path, "08", *DELIVERIES["08"])
    load_all(own_lake, profile, date(2024, 1, 10))
    load_all(module_lake, profile, date(2024, 1, 10))
    whole = contents(module_lake)
    assert contents(own_lake) == whole
    raw = [len(whole[key]) for key in TABLES]
    assert (raw[0], raw[2], raw[4]) == (8, 5, 2), "and a line that repeats another one"
    assert arrivals(module_lake, "validated/transactions") == [
        ("1", 2),
        ("1", 5),
        ("2", 5),
        ("4", 6),
        ("5", 8),
    ]
    first_seen = [(row[0], row[1].day) for row in whole["validated/customers"]]
    assert first_seen == [("ann", 2), ("bob", 5), ("cid", 3), ("cid", 6)]
