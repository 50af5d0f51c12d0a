"""The batched event log stores what Dagster's own would store, in fewer and smaller rows."""

import sqlite3
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from retention_assets.services.instance import open_instance
from retention_assets.settings import Settings

PARTITIONS = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-01-21")
RANGE = {
    "dagster/asset_partition_range_start": "2024-01-01",
    "dagster/asset_partition_range_end": "2024-01-20",
}
RUN_ID = "11111111-1111-4111-8111-111111111111"
CHECK = dg.AssetCheckSpec("is_small", asset="daily")


@dg.asset(
    partitions_def=PARTITIONS, backfill_policy=dg.BackfillPolicy.single_run(), check_specs=[CHECK]
)
def daily() -> dg.MaterializeResult:
    return dg.MaterializeResult(
        metadata={"rows": 7},
        tags={"kind": "small"},
        check_results=[dg.AssetCheckResult(check_name="is_small", passed=True)],
    )


@dg.asset(deps=[daily], partitions_def=PARTITIONS, backfill_policy=dg.BackfillPolicy.single_run())
def downstream() -> None: ...


def facts(instance: dg.DagsterInstance) -> dict[str, Any]:
    """What the UI and automation read of the log, but for ids and times."""
    records = {
        key.to_user_string(): instance.fetch_materializations(key, limit=100).records
        for key in (daily.key, downstream.key)
    }
    latest = instance.get_latest_materialization_event(daily.key)
    assert latest is not None and latest.asset_materialization is not None
    check_key = dg.AssetCheckKey(daily.key, "is_small")
    checks = instance.event_log_storage.get_asset_check_execution_history(check_key, limit=50)
    return {
        "partitions": {
            key: [record.partition_key for record in rows] for key, rows in records.items()
        },
        "ids_descend": all(
            [record.storage_id for record in rows]
            == sorted((record.storage_id for record in rows), reverse=True)
            for rows in records.values()
        ),
        "metadata": [
            {name: value.value for name, value in record.asset_materialization.metadata.items()}
            for record in records["daily"]
            if record.asset_materialization
        ],
        "materialized": sorted(instance.get_materialized_partitions(downstream.key)),
        "latest": latest.asset_materialization.partition,
        "tag": (latest.asset_materialization.tags or {}).get("kind"),
        "passed": {record.status.value for record in checks} - {"PLANNED"},
        "assets": {daily.key, downstream.key} <= set(instance.all_asset_keys()),
    }


def run(instance: dg.DagsterInstance) -> dict[str, Any]:
    definitions = dg.Definitions([daily, downstream], executor=dg.in_process_executor)
    job = definitions.resolve_implicit_global_asset_job_def()
    assert job.execute_in_process(instance=instance, tags=RANGE, run_id=RUN_ID).success
    return facts(instance)


def test_batches_store_the_same_facts_as_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "0")
    with dg.DagsterInstance.local_temp(str(tmp_path)) as plain:
        expected = run(plain)
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "1000")
    with open_instance(Settings(home=tmp_path / "home")) as batched:
        assert run(batched) == expected


def test_storage_does_not_repeat_what_a_run_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One event per asset in the run's log, one row per check, small rows per partition."""
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "1000")
    settings = Settings(home=tmp_path / "home")
    with open_instance(settings) as instance:
        run(instance)
        entries = instance.all_logs(RUN_ID, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    assert (
        sorted(str(entry.get_dagster_event().partition) for entry in entries) == ["2024-01-20"] * 2
    )
    index = settings.dagster_home / "history" / "runs" / "index.db"
    with sqlite3.connect(index) as connection:
        (checks,) = connection.execute("SELECT count(*) FROM asset_check_executions").fetchone()
        (plans,) = connection.execute(
            "SELECT count(*) FROM event_logs"
            " WHERE dagster_event_type = 'ASSET_MATERIALIZATION_PLANNED' AND partition IS NOT NULL"
        ).fetchone()
        (size,) = connection.execute(
            "SELECT max(length(event)) FROM event_logs WHERE partition = '2024-01-07'"
        ).fetchone()
    assert checks == 1
    assert plans == 0
    assert size < 1500
