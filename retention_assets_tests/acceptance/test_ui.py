"""Materialization from the Dagster UI: single assets, a backfill, and all of them together."""

import subprocess
import sys
from datetime import timedelta
from typing import Any

import dagster as dg
import httpx
import pytest

from retention_assets.automation.backlog import range_tags
from retention_assets.automation.manual_run import MANUAL_RUN
from retention_assets.definitions import build_definitions
from retention_assets.platform import Platform
from retention_assets.services.instance import open_instance
from retention_assets.services.processes import end_processes, with_descendants
from retention_assets.simulation.simulator import FIRST_DATE
from retention_assets_tests.acceptance.running_platform import CLONE, RunningPlatform
from retention_assets_tests.acceptance.source import DAYS
from retention_assets_tests.services.homes import free_ports
from retention_assets_tests.waiting import eventually

DAY = FIRST_DATE + timedelta(days=20)
ASSET_KEYS = "{ assetNodes { assetKey { path } } }"

pytestmark = [pytest.mark.usefixtures("first_run"), pytest.mark.long]


def materializations(platform: RunningPlatform, key: str) -> int:
    with open_instance(platform.settings) as instance:
        asset_key = dg.AssetKey.from_user_string(key)
        return len(instance.fetch_materializations(asset_key, limit=5000).records)


@pytest.mark.parametrize(
    ("key", "tags"),
    [
        ("raw/transactions", {"dagster/partition": str(DAY)}),
        ("features/customer_transactions", {}),
        ("serving/champion_deployment", {}),
    ],
)
def test_ui_materializes_an_asset_by_itself(
    platform: RunningPlatform, key: str, tags: dict[str, str]
) -> None:
    before = materializations(platform, key)
    run_id = platform.launch([key], tags)
    assert platform.await_run(run_id) == "SUCCESS"
    assert materializations(platform, key) == before + 1


def test_each_asset_materializes_by_itself(platform: RunningPlatform) -> None:
    """Each in a run of its own, as the UI's button makes one, on the filled home. The runs bear the
    tag of `retention run`, so that automation does not follow each of them with runs of its own.
    """
    settings = platform.settings
    definitions = build_definitions(Platform.of(settings))
    job = definitions.resolve_implicit_global_asset_job_def()
    graph = definitions.resolve_asset_graph()
    monday = DAY - timedelta(days=DAY.weekday())
    failed = []
    with open_instance(settings) as instance:
        for node in graph.asset_nodes:
            tags = {MANUAL_RUN: "true"}
            if isinstance(node.partitions_def, dg.DailyPartitionsDefinition):
                tags |= range_tags(DAY, DAY)
            elif node.partitions_def:
                tags |= range_tags(monday, monday)
            selection = sorted(node.execution_set_asset_keys)
            result = job.execute_in_process(
                instance=instance, asset_selection=selection, tags=tags, raise_on_error=False
            )
            if not result.success:
                failed.append(node.key.to_user_string())
    assert failed == []


def test_ui_backfills_a_range_and_all_together(platform: RunningPlatform) -> None:
    """Every asset of the graph at once; those with days for three days, weeks for one Monday."""
    graph = build_definitions(Platform.of(platform.settings)).resolve_asset_graph()
    monday = DAY - timedelta(days=DAY.weekday())
    bounds: dict[str, tuple[str, str] | None] = {}
    for node in graph.asset_nodes:
        key = node.key.to_user_string()
        if isinstance(node.partitions_def, dg.DailyPartitionsDefinition):
            bounds[key] = (str(DAY), str(DAY + timedelta(days=2)))
        elif node.partitions_def:
            bounds[key] = (str(monday), str(monday))
        else:
            bounds[key] = None
    before = platform.count("raw/transactions")
    backfill = platform.backfill(bounds)
    state = platform.await_backfill(backfill)
    assert state["status"] == "COMPLETED_SUCCESS", state
    assert platform.count("raw/transactions") == before


def test_dagster_dev_loads_the_same_graph(platform: RunningPlatform) -> None:
    """Plain `dagster dev` in the clone, as a developer starts it."""
    port = free_ports()["webserver_port"]
    command = [sys.executable, "-m", "dagster", "dev", "--port", str(port)]
    process = subprocess.Popen(
        command,
        cwd=CLONE,
        env=platform.settings.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}/graphql"

    def keys() -> set[tuple[str, ...]]:
        try:
            response = httpx.post(url, json={"query": ASSET_KEYS}, timeout=20, trust_env=False)
        except httpx.HTTPError:
            return set()
        nodes: list[dict[str, Any]] = (response.json().get("data") or {}).get("assetNodes") or []
        return {tuple(node["assetKey"]["path"]) for node in nodes}

    expected = {
        tuple(node["assetKey"]["path"]) for node in platform.graphql(ASSET_KEYS)["assetNodes"]
    }
    try:
        assert eventually(lambda: keys() == expected, seconds=120)
    finally:
        import psutil

        end_processes(with_descendants([psutil.Process(process.pid)]), patience_s=10)
        process.wait()
    assert DAYS and expected
