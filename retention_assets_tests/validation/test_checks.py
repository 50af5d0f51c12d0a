"""The watermark and its age, in real runs: history is compared with its files, live with today."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.sources.contracts import TABLES
from retention_assets.sources.ledger import READ, Ledger, LedgerEntry
from retention_assets.validation.assets import watermark
from retention_assets.validation.checks import check_specs, data_is_current, labels_keep_up
from retention_assets.validation.rules import rules_of
from retention_assets.validation.watermark import read_watermark
from retention_assets_tests.validation.factories import make_row, raw_schema, transactions_platform

TABLE = TABLES["transactions"]


@pytest.fixture
def validated(own_lake: Lake) -> Lake:
    """validated/transactions up to 6 January 2024."""
    moments = [datetime(2024, 1, day, 9, tzinfo=UTC) for day in (4, 5, 6)]
    rows = [make_row(TABLE, i, {"event_ts": moment}) for i, moment in enumerate(moments)]
    own_lake.overwrite(
        "validated/transactions", own_lake.spark.createDataFrame(rows, raw_schema(TABLE))
    )
    return own_lake


def check_age(platform: Platform, lake: Lake) -> tuple[bool, dict[str, Any]]:
    """Whether the data is current, and the check's metadata, after a run of the watermark."""
    with dg.DagsterInstance.ephemeral() as instance:
        assets = [watermark(platform, [TABLE]), data_is_current(platform)]
        result = dg.materialize(assets, resources={"lake": lake}, instance=instance)
    (check,) = result.get_asset_check_evaluations()
    (event,) = result.get_asset_materialization_events()
    metadata = {name: value.value for name, value in check.metadata.items()}
    assert event.materialization.metadata["watermark"].value == metadata["watermark"]
    assert str(read_watermark(lake.read)) == metadata["watermark"]
    return check.passed, metadata


def test_labels_that_wait_for_their_table_are_reported(tmp_path: Path, validated: Lake) -> None:
    platform = transactions_platform(tmp_path)
    settings = platform.settings.model_copy(update={"patience_days": 2})
    platform = replace(platform, settings=settings)
    entry = LedgerEntry("transactions", "", 1, READ, None, 1, 1, reading="", run_id="")
    for day, lag in ((3, 3), (4, 2), (6, 0), (8, 0)):
        through = date(2024, 1, day)
        Ledger(settings.lake_root).add([replace(entry, path=str(day), through=through)])
        assets = [watermark(platform, [TABLE]), labels_keep_up(platform)]
        with dg.DagsterInstance.ephemeral() as instance:
            result = dg.materialize(assets, resources={"lake": validated}, instance=instance)
        (check,) = result.get_asset_check_evaluations()
        assert (check.passed, check.metadata["lag_days"].value) == (lag <= 2, lag)
        assert check.severity == dg.AssetCheckSeverity.WARN


def add_files(folder: Path, *days: int) -> None:
    """Writes source files of these days of January 2024."""
    (folder / "orders").mkdir(exist_ok=True)
    for day in days:
        (folder / "orders" / f"2024-01-{day:02}.csv").write_text("order\n1\n")


def test_history_is_compared_with_its_newest_file(tmp_path: Path, validated: Lake) -> None:
    add_files(tmp_path, 5, 8)
    assert check_age(transactions_platform(tmp_path), validated) == (
        True,
        {"watermark": "2024-01-06", "newest_day": "2024-01-08", "lag_days": 2},
    )
    add_files(tmp_path, 9)
    assert check_age(transactions_platform(tmp_path), validated) == (
        False,
        {"watermark": "2024-01-06", "newest_day": "2024-01-09", "lag_days": 3},
    )
    earlier = transactions_platform(tmp_path, as_of=date(2024, 1, 6))
    assert check_age(earlier, validated) == (
        True,
        {"watermark": "2024-01-05", "newest_day": "2024-01-09", "lag_days": 0},
    )


def test_live_source_is_compared_with_the_day_before(tmp_path: Path, validated: Lake) -> None:
    add_files(tmp_path, 5, 6)
    passed, metadata = check_age(transactions_platform(tmp_path, live=True), validated)
    assert not passed
    assert metadata["watermark"] == "2024-01-06" and metadata["lag_days"] > 300


@pytest.mark.parametrize("name", TABLES)
def test_checks_of_a_table_block_and_have_fixed_names(name: str) -> None:
    specs = check_specs(TABLES[name], date(2024, 1, 1))
    assert all(
        spec.blocking and spec.asset_key == dg.AssetKey(["validated", name]) for spec in specs
    )
    rules = [rule.name for rule in rules_of(TABLES[name], date(2024, 1, 1))]
    assert [spec.name for spec in specs] == [
        "rows_in_equals_rows_out",
        "quarantined_share_below_threshold",
        *rules,
    ]
