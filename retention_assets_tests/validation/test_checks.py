"""The watermark and how current it is, by real runs: history is judged against its own files, a live source against today."""

from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.sources.contracts import TABLES
from retention_assets.validation.assets import watermark
from retention_assets.validation.checks import check_specs, data_is_current
from retention_assets.validation.rules import rules_of
from retention_assets_tests.validation.factories import row, schema, shop

TABLE = TABLES["transactions"]


@pytest.fixture
def validated(own_lake: Lake) -> Lake:
    """validated/transactions up to 6 January 2024."""
    rows = [row(TABLE, at, {"event_date": date(2024, 1, 4 + at)}) for at in range(3)]
    own_lake.overwrite(
        "validated/transactions", own_lake.spark.createDataFrame(rows, schema(TABLE))
    )
    return own_lake


def told(platform: Platform, lake: Lake) -> tuple[bool, dict[str, Any]]:
    """Whether the data is current, and what is said of it, after a run of the watermark."""
    with dg.DagsterInstance.ephemeral() as instance:
        made = [watermark(platform, [TABLE]), data_is_current(platform)]
        result = dg.materialize(made, resources={"lake": lake}, instance=instance)
    (check,) = result.get_asset_check_evaluations()
    (event,) = result.get_asset_materialization_events()
    said = {name: value.value for name, value in check.metadata.items()}
    assert event.materialization.metadata["watermark"].value == said["watermark"]
    assert str(lake.read("validated/watermark").collect()[0]["watermark"]) == said["watermark"]
    return check.passed, said


def arrives(folder: Path, *days: int) -> None:
    """Source files of these days of January 2024."""
    (folder / "orders").mkdir(exist_ok=True)
    for day in days:
        (folder / "orders" / f"2024-01-{day:02}.csv").write_text("order\n1\n")


def test_history_is_current_while_its_own_files_go_no_further(
    tmp_path: Path, validated: Lake
) -> None:
    arrives(tmp_path, 5, 8)
    assert told(shop(tmp_path), validated) == (
        True,
        {"watermark": "2024-01-06", "newest_day": "2024-01-08", "lag_days": 2},
    )
    arrives(tmp_path, 9)
    assert told(shop(tmp_path), validated) == (
        False,
        {"watermark": "2024-01-06", "newest_day": "2024-01-09", "lag_days": 3},
    )
    earlier = shop(tmp_path, as_of=date(2024, 1, 6))  # what came since is not looked at
    assert told(earlier, validated) == (
        True,
        {"watermark": "2024-01-05", "newest_day": "2024-01-09", "lag_days": 0},
    )


def test_a_live_source_is_judged_against_the_day_before_the_run(
    tmp_path: Path, validated: Lake
) -> None:
    arrives(tmp_path, 5, 6)
    passed, said = told(shop(tmp_path, live=True), validated)
    assert not passed and said["watermark"] == "2024-01-06" and said["lag_days"] > 300


@pytest.mark.parametrize("name", TABLES)
def test_every_check_of_a_table_blocks_and_is_named_by_the_table_alone(name: str) -> None:
    specs = check_specs(TABLES[name])
    assert all(
        spec.blocking and spec.asset_key == dg.AssetKey(["validated", name]) for spec in specs
    )
    rules = [rule.name for rule in rules_of(TABLES[name])]
    assert [spec.name for spec in specs] == [
        "rows_in_equals_rows_out",
        "quarantined_share_below_threshold",
        *rules,
    ]
