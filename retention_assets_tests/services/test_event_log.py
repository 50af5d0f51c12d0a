"""The batched event log holds what Dagster's own would hold, for less."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from retention_assets.services.instance import open_instance
from retention_assets.settings import Settings

DAYS = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-01-21")
RANGE = {
    "dagster/asset_partition_range_start": "2024-01-01",
    "dagster/asset_partition_range_end": "2024-01-20",
}


@dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
def daily() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"dagster/row_count": 7}, tags={"kind": "small"})


@dg.asset(deps=[daily], partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
def downstream() -> None: ...


def facts(instance: dg.DagsterInstance) -> dict[str, Any]:
    """What the UI and the clock read of the log, but for ids and times."""
    records = [
        record
        for key in (daily.key, downstream.key)
        for record in instance.fetch_materializations(key, limit=100).records
    ]
    (run,) = instance.get_runs()
    latest = instance.get_latest_materialization_event(daily.key)
    assert latest is not None
    return {
        "partitions": sorted((str(record.asset_key), record.partition_key) for record in records),
        "ids_ascend": [record.storage_id for record in records]
        == sorted((r.storage_id for r in records[:20]), reverse=True)
        + sorted((r.storage_id for r in records[20:]), reverse=True),
        "materialized": sorted(instance.get_materialized_partitions(downstream.key)),
        "latest": latest.asset_materialization and latest.asset_materialization.partition,
        "tags": latest.asset_materialization
        and (latest.asset_materialization.tags or {}).get("kind"),
        "events_of_run": sorted(
            entry.message for entry in instance.all_logs(run.run_id) if "pid" not in entry.message
        ),
        "keys": sorted(map(str, instance.all_asset_keys())),
    }


def run(instance: dg.DagsterInstance) -> dict[str, Any]:
    job = dg.Definitions(
        [daily, downstream], executor=dg.in_process_executor
    ).resolve_implicit_global_asset_job_def()
    assert job.execute_in_process(
        instance=instance, tags=RANGE, run_id="11111111-1111-4111-8111-111111111111"
    ).success
    return facts(instance)


def test_a_batch_leaves_the_same_facts_as_single_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "0")
    with dg.DagsterInstance.local_temp(str(tmp_path)) as singly:
        expected = run(singly)
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "1000")
    with open_instance(Settings(home=tmp_path / "home")) as batched:
        found = run(batched)
    strip = {"events_of_run", "keys"}
    assert {key: found[key] for key in found if key not in strip} == {
        key: expected[key] for key in expected if key not in strip
    }
    assert [line for line in found["events_of_run"] if " in " not in line] == [
        line for line in expected["events_of_run"] if " in " not in line
    ]
