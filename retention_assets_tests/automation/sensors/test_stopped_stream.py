"""A stream that supervisor has given up is started again, and its progress is recorded."""

from pathlib import Path

import dagster as dg
import pytest

from retention_assets import keys
from retention_assets.automation.sensors.stopped_stream import stopped_stream
from retention_assets.features.stream.progress import (
    StreamProgress,
    progress_file,
    write_progress,
)
from retention_assets.platform import Platform
from retention_assets.resources.metadata import asset_key
from retention_assets.services import catalog
from retention_assets.settings import Settings
from retention_assets_tests.automation.graph import Graph


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    return Platform.of(Settings(home=tmp_path, source="simulated_live"))


def evaluate(platform: Platform, instance: dg.DagsterInstance) -> dg.SensorResult:
    result = stopped_stream(platform)(dg.build_sensor_context(instance))
    assert isinstance(result, dg.SensorResult)
    return result


@pytest.mark.parametrize(
    ("state", "restarts"),
    [("FATAL", ["stream"]), ("EXITED", ["stream"]), ("RUNNING", []), ("STARTING", []), (None, [])],
)
def test_only_a_stopped_stream_is_started(
    platform: Platform,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
    state: str | None,
    restarts: list[str],
) -> None:
    restarted: list[str] = []
    monkeypatch.setattr(catalog, "state_of", lambda settings, name: state)
    monkeypatch.setattr(catalog, "restart", lambda settings, name: restarted.append(name))
    assert evaluate(platform, instance).asset_events == []
    assert restarted == restarts


def test_each_tick_records_the_progress(platform: Platform, instance: dg.DagsterInstance) -> None:
    progress = StreamProgress(rows=7, batch=3, latency_p99_s=1.5)
    write_progress(progress_file(platform.settings.stream_dir), progress)
    (event,) = evaluate(platform, instance).asset_events
    assert isinstance(event, dg.AssetObservation)
    assert event.asset_key == asset_key(keys.STREAM)
    assert event.metadata["rows"].value == 7 and event.metadata["offset"].value == 3


def test_home_without_stream_has_no_sensor(graph: Graph) -> None:
    names = {sensor.name for sensor in graph.defs.sensors or ()}
    assert names and "stopped_stream" not in names
