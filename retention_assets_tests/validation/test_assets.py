"""validated/* and quarantine/* as assets: what they hold and say, also when made again; too many broken rows block the rest."""

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
from retention_assets_tests.runs import judged, made
from retention_assets_tests.validation.factories import Row, row, schema, shop

TABLE = TABLES["transactions"]
FIRST, SECOND = date(2024, 1, 5), date(2024, 1, 6)
NEXT_DAY: Row = {
    name: datetime(2024, 1, 6, 9, tzinfo=UTC) for name in ("event_ts", "ingested_ts")
} | {"event_date": SECOND}
VALIDATED, QUARANTINED = "validated/transactions", "quarantine/transactions"


def fill(lake: Lake, *changes: Row) -> None:
    """Makes raw/transactions hold one row for each of the changes to a sound one."""
    rows = [row(TABLE, at, change) for at, change in enumerate(changes)]
    lake.overwrite("raw/transactions", lake.spark.createDataFrame(rows, schema(TABLE)))


def materialize(
    platform: Platform, lake: Lake, first: date = FIRST, last: date = SECOND
) -> dg.ExecuteInProcessResult:
    """One run of the stage's table over these days, and of an asset that stands for all that builds on it."""

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


def test_each_raw_row_enters_one_of_two_tables_and_a_rerun_gives_both_again(
    tmp_path: Path, own_lake: Lake
) -> None:
    again = {"transaction_id": "transaction_id-0", "source_file": "file-9"}
    fill(
        own_lake,
        {},
        again,
        {"amount": 0.0, "kind": "gift"},
        NEXT_DAY,
        NEXT_DAY | {"customer_id": None},
    )
    platform = shop(tmp_path, allowed_share=0.7)
    result = materialize(platform, own_lake)
    assert result.success and all(judged(result).values())
    assert list(judged(result)) == [spec.name for spec in check_specs(TABLE)]

    files = {
        key: {each["source_file"] for each in own_lake.read(key).collect()}
        for key in (VALIDATED, QUARANTINED)
    }
    assert files == {VALIDATED: {"file-0", "file-3"}, QUARANTINED: {"file-9", "file-2", "file-4"}}
    assert own_lake.read(VALIDATED).columns == [*TABLE.column_names, "event_date", "source_file"]
    raw_columns = [*TABLE.column_names, *(column.name for column in RAW_COLUMNS)]
    assert own_lake.read(QUARANTINED).columns == [*raw_columns, "quarantine_reason"]
    _tells_rows_in_and_out(made(result))

    once = tables(own_lake)
    assert materialize(platform, own_lake).success and tables(own_lake) == once
    assert materialize(platform, own_lake, SECOND, SECOND).success and tables(own_lake) == once


def _tells_rows_in_and_out(said: dict[str, dict[str, Any]]) -> None:
    assert set(said) == {VALIDATED, QUARANTINED, "downstream"}
    assert (said[VALIDATED]["dagster/row_count"], said[QUARANTINED]["dagster/row_count"]) == (2, 3)
    assert (said[VALIDATED]["rows_in"], said[VALIDATED]["rows_quarantined"]) == (5, 3)
    reasons = [record.data for record in said[QUARANTINED]["quarantined_by_reason"].records]
    assert {each["reason"]: each["rows"] for each in reasons} == {
        "amount must be > 0": 1,
        "customer_id is missing": 1,
        "duplicate of an earlier row with the same transaction_id": 1,
        "kind must be one of sale, return": 1,
    }


def test_too_many_broken_rows_block_what_builds_on_them_until_the_source_is_mended(
    tmp_path: Path, own_lake: Lake
) -> None:
    platform, sound = shop(tmp_path, allowed_share=0.05), [{}] * 18
    fill(own_lake, *sound, {"amount": -1.0}, {"amount": -1.0, "raw_text": "amount=-1"})
    blocked = materialize(platform, own_lake)
    assert not blocked.success and set(made(blocked)) == {VALIDATED, QUARANTINED}
    assert [name for name, passed in judged(blocked).items() if not passed] == [
        SHARE,
        "amount_above_0_and_inf",
    ]
    assert judged(blocked)[CONSERVED] and own_lake.read(QUARANTINED).count() == 2

    fill(own_lake, *sound, {}, {"amount": -1.0})  # one in twenty is what is allowed
    mended = materialize(platform, own_lake)
    assert mended.success and "downstream" in made(mended)
    assert judged(mended).keys() == judged(blocked).keys() and all(judged(mended).values())
    assert (own_lake.read(VALIDATED).count(), own_lake.read(QUARANTINED).count()) == (19, 1)
