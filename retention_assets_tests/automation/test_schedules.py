"""One setting turns automation on or off."""

import dagster as dg

from retention_assets.settings import Settings
from retention_assets_tests.automation.graph import Graph

SENSORS = {
    "new_source_days",
    "matured_weeks",
    "retraining",
    "undeployed_champion",
    "stale_assets",
    "failed_runs",
    "conditions",
}


def test_automation_runs_by_default(graph: Graph) -> None:
    assert set(graph.sensors) == SENSORS
    statuses = {sensor.default_status for sensor in graph.sensors.values()}
    assert statuses == {dg.DefaultSensorStatus.RUNNING}
    (weekly,) = graph.schedules
    assert weekly.default_status == dg.DefaultScheduleStatus.RUNNING


def test_one_setting_turns_automation_off() -> None:
    graph = Graph(Settings(clock_enabled=False))
    assert graph.sensors == {}
    assert graph.schedules == []
    assert not any(spec.automation_condition for spec in graph.defs.resolve_all_asset_specs())
