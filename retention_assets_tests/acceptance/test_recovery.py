"""What died or went stale comes back by itself: the deployment after Ray's head, a stale asset."""

import os
import signal
from typing import Any

import dagster as dg
import httpx
import psutil
import pytest

from retention_assets.services.instance import open_instance
from retention_assets.services.processes import home_processes
from retention_assets.settings import Settings
from retention_assets_tests.acceptance.running_platform import RunningPlatform
from retention_assets_tests.waiting import eventually

pytestmark = pytest.mark.long

REDEPLOYED_S = 90
STALE_S = 60
ONLINE = dg.AssetKey(["serving", "online_features"])


def ray_head(platform: RunningPlatform) -> psutil.Process:
    """The process that supervisor started as this home's Ray head."""
    for process in home_processes(platform.settings.home):
        try:
            command = process.cmdline()
        except psutil.Error:
            continue
        if "start" in command and "--head" in command:
            return process
    raise AssertionError("this home has no Ray head")


def test_champion_is_redeployed_after_ray_died(
    platform: RunningPlatform, first_run: dict[str, Any]
) -> None:
    customer = first_run["prediction"]["customer_id"]
    head = ray_head(platform)
    children = head.children(recursive=True)
    for process in [head, *children]:
        try:
            os.kill(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue

    def answers() -> bool:
        try:
            response = platform.http.post("/predict", json={"customer_id": customer})
        except httpx.HTTPError:
            return False
        return response.status_code == 200

    assert not answers()
    assert eventually(answers, seconds=REDEPLOYED_S), platform.json("status")
    assert platform.json("status")["deployment"]["version"] == first_run["champion"]["version"]


@pytest.mark.usefixtures("first_run")
def test_stale_asset_is_materialized_by_itself(platform: RunningPlatform) -> None:
    """With a freshness window of seconds, assets are stale at once; nobody starts a run."""
    short = platform.settings.model_copy(update={"freshness_fail_s": STALE_S})
    with open_instance(platform.settings) as instance:
        before = instance.fetch_materializations(ONLINE, limit=1).records[0].storage_id
    assert (
        RunningPlatform(Settings.model_validate(short.model_dump())).retention("up").returncode == 0
    )

    def is_new() -> bool:
        with open_instance(platform.settings) as instance:
            latest = instance.fetch_materializations(ONLINE, limit=1).records[0]
            run = instance.get_run_by_id(latest.run_id)
        return latest.storage_id > before and run is not None

    try:
        assert eventually(is_new, seconds=240)
    finally:
        assert platform.retention("up").returncode == 0
