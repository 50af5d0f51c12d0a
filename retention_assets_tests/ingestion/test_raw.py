"""raw/*: reruns give the same table, closed days stay as they are, a source that cannot be read
changes nothing, and a file that is gone takes no row with it. Late and changed files are in
test_late_files.py.
"""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from deltalake import DeltaTable

from retention_assets.automation.backlog import range_tags
from retention_assets.automation.forgetting import forget_files
from retention_assets.errors import LedgerError
from retention_assets.ingestion import assets as ingestion
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.settings import Settings
from retention_assets.sources.ledger import Ledger, survey
from retention_assets.sources.source_files import present_files
from retention_assets.validation import assets as validation
from retention_assets_tests.runs import check_results, materialized
from retention_assets_tests.sources.test_load_profile import GOOD, changed, write

FIRST = date(2024, 1, 1)
LAST = date(2024, 1, 10)
HEADER = "order,customer,time,total"
# A row of 2 January that arrives on the 5th.
LATE_ROW = "2,bob,2024-01-02 12:00:00,7.5"


def daily_assets(settings: Settings, stages: tuple) -> list[dg.AssetsDefinition]:
    assets = [item for stage in stages for item in stage.assets(Platform.of(settings))]
    return [
        item for item in assets if isinstance(item, dg.AssetsDefinition) and item.partitions_def
    ]


def materialize(
    settings: Settings,
    lake: Lake,
    stages: tuple = (ingestion,),
    first: date = FIRST,
    last: date = LAST,
) -> Any:
    """Materializes the stages' daily tables of these days in one run."""
    daily = daily_assets(settings, stages)
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(
            daily,
            resources={"lake": lake},
            tags=range_tags(first, last),
            instance=instance,
            raise_on_error=False,
        )


def orders(lake: Lake, key: str = "raw/transactions") -> list[tuple]:
    rows = lake.read(key)
    if "is_gone" in rows.columns:
        rows = rows.where("NOT is_gone")
    return [
        (row["order_id"], row["customer_id"], str(row["arrival_date"]), row["source_file"])
        for row in rows.orderBy("order_id").collect()
    ]


def raw_version(lake: Lake) -> int:
    return DeltaTable(lake.path("raw/transactions")).version()


def test_rerun_gives_the_same_table_with_its_late_rows(tmp_path: Path, own_lake: Lake) -> None:
    settings = write(tmp_path, GOOD)
    (tmp_path / "orders" / "2024-01-05.csv").write_text(
        f"{HEADER}\n3,ann,2024-01-05 10:00:00,5.0\n{LATE_ROW}\n"
    )
    assert materialize(settings, own_lake).success
    once = orders(own_lake)
    assert once == [
        ("1", "ann", "2024-01-02", "orders/2024-01-02.csv"),
        ("2", "bob", "2024-01-05", "orders/2024-01-05.csv"),
        ("3", "ann", "2024-01-05", "orders/2024-01-05.csv"),
    ]
    assert materialize(settings, own_lake).success and orders(own_lake) == once
    version = raw_version(own_lake)
    result = materialize(settings, own_lake, first=date(2024, 1, 2), last=date(2024, 1, 2))
    assert materialized(result)["raw/transactions"]["rows_of_run"] == 1
    assert orders(own_lake) == once and raw_version(own_lake) == version, "the day is closed"


def test_as_of_does_not_limit_what_is_read(tmp_path: Path, own_lake: Lake) -> None:
    """Tables hold all that arrived; an as-of day limits what is computed from them."""
    settings = write(tmp_path, GOOD).model_copy(update={"as_of": date(2024, 1, 5)})
    assert materialize(settings, own_lake).success
    assert [row[0] for row in orders(own_lake)] == ["1", "1"]


def test_changed_source_fails_and_changes_nothing(tmp_path: Path, own_lake: Lake) -> None:
    settings = write(tmp_path, GOOD)
    assert materialize(settings, own_lake).success
    before = orders(own_lake)
    version = raw_version(own_lake)
    for day in range(
        3, 5
    ):  # neither the first nor the last file, whose headers are checked at load
        (tmp_path / "orders" / f"2024-01-0{day}.csv").write_text(
            "order,customer,time,price\n9,eve,2024-01-03 10:00:00,1\n"
        )
    result = materialize(settings, own_lake)
    (failed,) = [
        event
        for event in result.all_events
        if event.is_step_failure and event.step_key == "raw__transactions"
    ]
    message = str(failed.step_failure_data.error)
    assert "column total is missing (the file has order, customer, time, price)" in message
    assert "2024-01-03.csv" in message
    assert orders(own_lake) == before and raw_version(own_lake) == version


def test_unreadable_value_is_quarantined_with_its_text(tmp_path: Path, own_lake: Lake) -> None:
    profile = changed("max_quarantined_share", to=0.9)
    settings = write(tmp_path, profile)
    rows = [
        "4,ann,2024-01-05 10:00:00,cheap",
        "5,,2024-01-05 10:00:00,5",
        "6,ann,someday,5",
        "7,ann,2024-01-05 11:00:00,5",
    ]
    (tmp_path / "orders" / "2024-01-05.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    result = materialize(settings, own_lake, (ingestion, validation))
    assert result.success
    broken = {row["order_id"]: row for row in own_lake.read("quarantine/transactions").collect()}
    reasons = {order: row["quarantine_reason"] for order, row in broken.items()}
    assert reasons == {
        "4": "amount cannot be read as double",
        "5": "customer_id is missing",
        "6": "event_ts cannot be read as timestamp",
    }
    assert "cheap" in broken["4"]["raw_text"]
    assert broken["4"]["source_file"] == "orders/2024-01-05.csv"
    assert [row[0] for row in orders(own_lake, "validated/transactions")] == ["1", "7"]


def write_orders(folder: Path, day: str, *rows: str) -> None:
    (folder / "orders" / f"2024-01-{day}.csv").write_text("\n".join([HEADER, *rows]) + "\n")


def rows_by_table(lake: Lake) -> list[tuple]:
    """The rows of raw/transactions and raw/customers: table, identifier, day."""
    return sorted(
        (table, row[identifier], str(row["arrival_date"]))
        for table, identifier in (("transactions", "order_id"), ("customers", "customer_id"))
        for row in lake.read(f"raw/{table}").collect()
    )


def states(lake: Lake) -> dict[str, str]:
    """File of transactions -> its state in the ledger."""
    newest = Ledger(lake.root).content().newest
    return {path: entry.state for (table, path), entry in newest.items() if table == "transactions"}


def test_rows_of_vanished_files_stay(tmp_path: Path, own_lake: Lake) -> None:
    """Also where their days are read again, and in a table of each customer's first row."""
    settings = write(tmp_path, GOOD)
    write_orders(tmp_path, "05", "3,ann,2024-01-05 10:00:00,5.0", LATE_ROW)
    assert materialize(settings, own_lake).success
    before = rows_by_table(own_lake)
    for day in ("02", "05"):
        (tmp_path / "orders" / f"2024-01-{day}.csv").unlink()
    write_orders(tmp_path, "06", "4,cid,2024-01-06 10:00:00,5.0", "5,ann,2024-01-06 10:00:00,5.0")
    assert materialize(settings, own_lake).success
    new = [("customers", "cid"), ("transactions", "4"), ("transactions", "5")]
    added = [(*row, "2024-01-06") for row in new]
    assert rows_by_table(own_lake) == sorted(before + added)


def test_rows_of_forgotten_file_are_removed(tmp_path: Path, own_lake: Lake) -> None:
    """A customer that was first seen in it is first seen in the next file."""
    settings = write(tmp_path, GOOD).model_copy(update={"lake_uri": own_lake.root})
    assert materialize(settings, own_lake).success
    file = tmp_path / "orders" / "2024-01-02.csv"
    with pytest.raises(LedgerError, match=r"orders/2024-01-02\.csv is still in the source"):
        forget_files(Platform.of(settings), [file.name])
    with pytest.raises(LedgerError, match=r"no file nosuch\.csv that was read"):
        forget_files(Platform.of(settings), ["nosuch.csv"])
    file.unlink()
    forgotten = forget_files(Platform.of(settings), ["orders/2024-01-02.csv"])
    assert [entry.table for entry in forgotten] == ["customers", "transactions"]
    # A day alone does not hold the rows that take the place of the removed ones.
    assert materialize(settings, own_lake, last=date(2024, 1, 2)).success
    assert pending(settings, own_lake) == 2
    assert materialize(settings, own_lake).success
    expected = [("customers", "ann", "2024-01-05"), ("transactions", "1", "2024-01-05")]
    assert rows_by_table(own_lake) == expected
    assert pending(settings, own_lake) == 0


def pending(settings: Settings, lake: Lake) -> int:
    """How many files are forgotten whose rows are still to be removed."""
    profile = Platform.of(settings).profile
    return len(survey(profile, present_files(profile), Ledger(lake.root).content()).forgotten)


def test_unreadable_file_waits_while_others_are_read(tmp_path: Path, own_lake: Lake) -> None:
    """Its rows of an earlier version stay until it can be read again."""
    settings = write(tmp_path, GOOD)
    assert materialize(settings, own_lake).success
    (tmp_path / "orders" / "2024-01-05.csv").write_bytes(b"\xff\xfe broken")
    write_orders(tmp_path, "06", "4,cid,2024-01-06 10:00:00,5.0")
    assert materialize(settings, own_lake).success
    assert [row[0] for row in orders(own_lake)] == ["1", "1", "4"]
    assert states(own_lake)["orders/2024-01-05.csv"] == "unreadable"
    write_orders(tmp_path, "05", "3,ann,2024-01-05 10:00:00,5.0")
    assert materialize(settings, own_lake).success
    arrived = [(row[0], row[2]) for row in orders(own_lake)]
    assert arrived == [
        ("1", "2024-01-02"),
        ("1", "2024-01-05"),
        ("3", "2024-01-07"),
        ("4", "2024-01-06"),
    ]
    assert set(states(own_lake).values()) == {"read"}


def test_file_that_changes_while_it_is_read_is_growing(
    tmp_path: Path, own_lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = write(tmp_path, GOOD)
    replace_since = Lake.replace_since

    def store_and_append(lake: Lake, key: str, *arguments: Any, **options: Any) -> Any:
        stored = replace_since(lake, key, *arguments, **options)
        if key == "raw/transactions":
            with (tmp_path / "orders" / "2024-01-05.csv").open("a") as file:
                file.write("9,ann,2024-01-05 11:00:00,5.0\n")
        return stored

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "replace_since", store_and_append)
        assert materialize(settings, own_lake).success
    assert states(own_lake) == {
        "orders/2024-01-02.csv": "read",
        "orders/2024-01-05.csv": "growing",
    }
    assert materialize(settings, own_lake).success
    assert [row[0] for row in orders(own_lake)] == ["1", "1", "9"]
    assert set(states(own_lake).values()) == {"read"}


def test_run_that_dies_before_the_ledger_reads_again(
    tmp_path: Path, own_lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = write(tmp_path, GOOD)

    def die(*_: Any) -> None:
        raise OSError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "add", die)
        assert not materialize(settings, own_lake).success
    assert [row[0] for row in orders(own_lake)] == ["1", "1"] and states(own_lake) == {}
    assert materialize(settings, own_lake).success
    assert [row[0] for row in orders(own_lake)] == ["1", "1"]
    assert set(states(own_lake).values()) == {"read"}


def test_ledger_says_which_files_are_gone(tmp_path: Path, own_lake: Lake) -> None:
    settings = write(tmp_path, GOOD)
    assert materialize(settings, own_lake).success
    (tmp_path / "orders" / "2024-01-05.csv").unlink()
    ledger = [
        item
        for item in ingestion.assets(Platform.of(settings))
        if isinstance(item, dg.AssetChecksDefinition) or item.key.path[-1] == "source_files"
    ]
    result = dg.materialize(ledger, resources={"lake": own_lake})
    assert check_results(result) == {
        "no_file_vanished": False,
        "every_file_is_read": True,
        "every_row_is_stored": True,
    }
    assert result.success and states(own_lake)["orders/2024-01-05.csv"] == "vanished"
    assert materialized(result)["raw/source_files"]["dagster/row_count"] == 4
    # As if a reading had lost a row of its file.
    ledger_of_files = Ledger(own_lake.root)
    entry = ledger_of_files.content().read["transactions", "orders/2024-01-02.csv"]
    assert (entry.rows_read, entry.rows) == (1, 1)
    ledger_of_files.add([replace(entry, number=entry.number + 1, rows_read=2)])
    result = dg.materialize(ledger, resources={"lake": own_lake})
    assert not check_results(result)["every_row_is_stored"]
