"""raw/*: a rerun gives the same table, late rows land by their arrival, and a changed source leaves the table as it was."""

from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg

from retention_assets.automation.backlog import range_tags
from retention_assets.ingestion import assets as ingestion
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.settings import Settings
from retention_assets.validation import assets as validation
from retention_assets_tests.sources.test_load_profile import GOOD, changed, write

FIRST, LAST = date(2024, 1, 1), date(2024, 1, 10)
HEADER = "order,customer,time,total"
# Two rows of 2 January that come on the fifth: late by three days.
LATE = "2,bob,2024-01-02 12:00:00,7.5"


def daily_assets(settings: Settings, stages: tuple) -> list[dg.AssetsDefinition]:
    made = [item for stage in stages for item in stage.assets(Platform.of(settings))]
    return [item for item in made if isinstance(item, dg.AssetsDefinition) and item.partitions_def]


def materialize(
    settings: Settings,
    lake: Lake,
    stages: tuple = (ingestion,),
    first: date = FIRST,
    last: date = LAST,
) -> Any:
    """Makes the stages' daily tables of these days in one run."""
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
    rows = lake.read(key).orderBy("order_id").collect()
    return [
        (row["order_id"], row["customer_id"], str(row["event_date"]), row["source_file"])
        for row in rows
    ]


def test_a_rerun_gives_the_same_table_and_a_late_row_lands_on_the_day_it_happened(
    tmp_path: Path, own_lake: Lake
) -> None:
    settings = write(tmp_path, GOOD)
    (tmp_path / "orders" / "2024-01-05.csv").write_text(
        f"{HEADER}\n3,ann,2024-01-05 10:00:00,5.0\n{LATE}\n"
    )
    assert materialize(settings, own_lake).success
    once = orders(own_lake)
    assert once == [
        ("1", "ann", "2024-01-02", "orders/2024-01-02.csv"),
        ("2", "bob", "2024-01-02", "orders/2024-01-05.csv"),
        ("3", "ann", "2024-01-05", "orders/2024-01-05.csv"),
    ]
    assert materialize(settings, own_lake).success and orders(own_lake) == once
    # One day alone, again: the late row of another file is found, and no other day is touched.
    assert materialize(settings, own_lake, first=date(2024, 1, 2), last=date(2024, 1, 2)).success
    assert orders(own_lake) == once


def test_nothing_that_arrived_later_is_read_as_of_a_day(tmp_path: Path, own_lake: Lake) -> None:
    settings = write(tmp_path, GOOD).model_copy(update={"as_of": date(2024, 1, 5)})
    assert materialize(settings, own_lake).success
    assert [row[0] for row in orders(own_lake)] == ["1"]


def test_a_changed_source_fails_by_name_and_leaves_the_table_as_it_was(
    tmp_path: Path, own_lake: Lake
) -> None:
    settings = write(tmp_path, GOOD)
    assert materialize(settings, own_lake).success
    before, version = orders(own_lake), DeltaTable(own_lake.path("raw/transactions")).version()
    for day in range(
        3, 5
    ):  # neither the first nor the last file: a load would not have looked at them
        (tmp_path / "orders" / f"2024-01-0{day}.csv").write_text(
            "order,customer,time,price\n9,eve,2024-01-03 10:00:00,1\n"
        )
    result = materialize(settings, own_lake)
    (failed,) = [
        event
        for event in result.all_events
        if event.is_step_failure and event.step_key == "raw__transactions"
    ]
    said = str(failed.step_failure_data.error)
    assert (
        "column total is missing (the file has order, customer, time, price)" in said
        and "2024-01-03.csv" in said
    )
    assert orders(own_lake) == before and DeltaTable(own_lake.path("raw/transactions")).version() == version


def test_a_value_that_cannot_be_read_goes_to_quarantine_with_its_text(
    tmp_path: Path, own_lake: Lake
) -> None:
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
        "6": "event_ts cannot be read as timestamp; ingested_ts cannot be read as timestamp",
    }
    assert (
        "cheap" in broken["4"]["raw_text"] and broken["4"]["source_file"] == "orders/2024-01-05.csv"
    )
    assert [row[0] for row in orders(own_lake, "validated/transactions")] == ["1", "7"]


def test_too_many_broken_rows_stop_what_comes_after(tmp_path: Path, own_lake: Lake) -> None:
    settings = write(tmp_path, GOOD)
    (tmp_path / "orders" / "2024-01-05.csv").write_text(
        f"{HEADER}\n4,,2024-01-05 10:00:00,5\n5,ann,2024-01-05 10:00:00,5\n"
    )
    daily = daily_assets(settings, (ingestion, validation))
    reached: list[str] = []
    days = daily[0].partitions_def

    @dg.asset(
        deps=[["validated", "transactions"]],
        partitions_def=days,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def downstream() -> None:
        reached.append("downstream")

    with dg.DagsterInstance.ephemeral() as instance:
        tags, resources = range_tags(FIRST, LAST), {"lake": own_lake}
        result = dg.materialize(
            [*daily, downstream],
            resources=resources,
            tags=tags,
            instance=instance,
            raise_on_error=False,
        )
    assert not result.success and reached == []
    assert {row["order_id"] for row in own_lake.read("quarantine/transactions").collect()} == {"4"}
