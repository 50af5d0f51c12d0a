"""validated/* and quarantine/* as assets: rows, metadata, reruns, blocked downstream assets."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from retention_assets.automation.backlog import range_tags
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.sources.contracts import RAW_COLUMNS, TABLES
from retention_assets.validation.assets import validated_table
from retention_assets.validation.checks import CONSERVED, SHARE, check_specs
from retention_assets_tests.runs import check_results, materialized
from retention_assets_tests.validation.factories import (
    Row,
    make_row,
    raw_schema,
    transactions_platform,
)

TABLE = TABLES["transactions"]
FIRST = date(2024, 1, 5)
SECOND = date(2024, 1, 6)
EVENING = datetime(2024, 1, 5, 20, tzinfo=UTC)
NEXT_DAY: Row = {
    name: datetime(2024, 1, 6, 9, tzinfo=UTC) for name in ("event_ts", "ingested_ts", "stated_ts")
} | {"arrival_date": SECOND}
VALIDATED = "validated/transactions"
QUARANTINED = "quarantine/transactions"


def fill(lake: Lake, *changes: Row) -> None:
    """Writes raw/transactions with one row for each of the changes to a valid one."""
    rows = [make_row(TABLE, number, change) for number, change in enumerate(changes)]
    lake.overwrite("raw/transactions", lake.spark.createDataFrame(rows, raw_schema(TABLE)))


def materialize(
    platform: Platform, lake: Lake, first: date = FIRST, last: date = SECOND
) -> dg.ExecuteInProcessResult:
    """One run of validated/transactions over these days, and of an asset downstream of it."""

    @dg.asset(
        deps=[VALIDATED.split("/")],
        partitions_def=platform.partitions.daily,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def downstream() -> None: ...

    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [validated_table(platform, TABLE), downstream],
            resources={"lake": lake},
            tags=range_tags(first, last),
            instance=instance,
            raise_on_error=False,
        )
    return result


def tables(lake: Lake) -> dict[str, list[tuple]]:
    return {
        key: sorted(map(tuple, lake.read(key).collect()), key=str)
        for key in (VALIDATED, QUARANTINED)
    }


def test_each_raw_row_enters_one_table_and_reruns_are_equal(tmp_path: Path, own_lake: Lake) -> None:
    correction = {"transaction_id": "transaction_id-0", "source_file": "file-9", "amount": 6.0}
    fill(
        own_lake,
        {},
        correction | {"ingested_ts": EVENING},
        correction | {"ingested_ts": EVENING, "amount": 7.0},
        {"amount": 0.0, "kind": "gift"},
        NEXT_DAY,
        NEXT_DAY | {"customer_id": None},
    )
    platform = transactions_platform(tmp_path, allowed_share=0.7)
    result = materialize(platform, own_lake)
    assert result.success and all(check_results(result).values())
    assert list(check_results(result)) == [spec.name for spec in check_specs(TABLE, FIRST)]

    files = {
        key: {row["source_file"] for row in own_lake.read(key).collect()}
        for key in (VALIDATED, QUARANTINED)
    }
    assert files == {
        VALIDATED: {"file-0", "file-4", "file-9"},
        QUARANTINED: {"file-3", "file-5", "file-9"},
    }
    assert own_lake.read(VALIDATED).columns == [
        *TABLE.column_names, "arrival_date", "stated_ts", "source_file", "is_gone",
        "is_correction",
    ]  # fmt: skip
    raw_columns = [*TABLE.column_names, *(column.name for column in RAW_COLUMNS)]
    assert own_lake.read(QUARANTINED).columns == [*raw_columns, "quarantine_reason"]
    _check_row_counts(materialized(result))

    once = tables(own_lake)
    assert materialize(platform, own_lake).success
    assert tables(own_lake) == once
    assert materialize(platform, own_lake, SECOND, SECOND).success
    assert tables(own_lake) == once


def _check_row_counts(metadata: dict[str, dict[str, Any]]) -> None:
    """The last partition has its own row count, and the counts of the run."""
    assert set(metadata) == {VALIDATED, QUARANTINED, "downstream"}
    valid = metadata[VALIDATED]
    broken = metadata[QUARANTINED]
    assert (valid["rows_of_run"], broken["rows_of_run"]) == (3, 3)
    assert valid["dagster/partition_row_count"] == broken["dagster/partition_row_count"] == 1
    assert (valid["rows_in"], valid["rows_quarantined"]) == (6, 3)
    reasons = [record.data for record in broken["quarantined_by_reason"].records]
    assert {reason["reason"]: reason["rows"] for reason in reasons} == {
        "amount must be > 0": 1,
        "customer_id is missing": 1,
        "conflict: another row with the same transaction_id was stated at the same time": 1,
        "kind must be one of sale, return": 1,
    }


def test_too_many_broken_rows_block_downstream_until_fixed(tmp_path: Path, own_lake: Lake) -> None:
    platform = transactions_platform(tmp_path, allowed_share=0.01)
    valid_rows = [{}] * 98
    fill(own_lake, *valid_rows, {"amount": -1.0}, {"amount": -1.0, "raw_text": "amount=-1"})
    blocked = materialize(platform, own_lake)
    assert not blocked.success and set(materialized(blocked)) == {VALIDATED, QUARANTINED}
    assert [name for name, passed in check_results(blocked).items() if not passed] == [
        SHARE,
        "amount_above_0_and_inf",
    ]
    assert check_results(blocked)[CONSERVED] and own_lake.read(QUARANTINED).count() == 2

    fill(own_lake, *valid_rows, {}, {"amount": -1.0})  # one in a hundred is allowed
    repaired = materialize(platform, own_lake)
    assert repaired.success and "downstream" in materialized(repaired)
    assert check_results(repaired).keys() == check_results(blocked).keys() and all(
        check_results(repaired).values()
    )
    assert (own_lake.read(VALIDATED).count(), own_lake.read(QUARANTINED).count()) == (99, 1)
