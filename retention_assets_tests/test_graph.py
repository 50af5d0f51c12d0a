"""The graph as text that a person can review: inputs, partitions, automation and checks of assets.

After an intended change: `python -m retention_assets_tests.test_graph > graph.txt`, beside this.
"""

from collections.abc import Iterator
from pathlib import Path
from textwrap import fill

import dagster as dg
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph

from retention_assets.definitions import build_definitions
from retention_assets.platform import Platform
from retention_assets.settings import Settings

REVIEWED = Path(__file__).with_name("graph.txt")


def graph_as_text(settings: Settings) -> str:
    """Every asset of a source with its inputs, in the order in which data flows; then the jobs,
    schedules and sensors.
    """
    defs = build_definitions(Platform.of(settings))
    graph = defs.resolve_asset_graph()
    assets = "\n".join(
        fill(line, 120, subsequent_indent="    ")
        for key in graph.toposorted_asset_keys
        for line in _asset(graph, key)
    )
    repository = defs.get_repository_def()
    automation = {
        "jobs": sorted(
            job.name for job in repository.get_all_jobs() if not job.name.startswith("__")
        ),
        "schedules": sorted(
            f"{schedule.name} ({schedule.cron_schedule})" for schedule in repository.schedule_defs
        ),
        "sensors": sorted(sensor.name for sensor in repository.sensor_defs),
    }
    return (
        "\n".join([assets, *(f"{kind}: {', '.join(names)}" for kind, names in automation.items())])
        + "\n"
    )


def _asset(graph: AssetGraph, key: dg.AssetKey) -> Iterator[str]:
    node = graph.get(key)
    kinds = {"DailyPartitionsDefinition": "daily", "WeeklyPartitionsDefinition": "weekly"}
    notes = [kinds[type(node.partitions_def).__name__]] if node.partitions_def else []
    notes += ["follows its inputs"] if node.automation_condition else []
    notes += ["must stay fresh"] if node.freshness_policy else []
    yield key.to_user_string() + (f" ({', '.join(notes)})" if notes else "")
    if node.parent_keys:
        yield f"  from {', '.join(sorted(parent.to_user_string() for parent in node.parent_keys))}"
    checks = [graph.get_check_spec(check) for check in node.check_keys]
    blocking = sorted(spec.name for spec in checks if spec.blocking)
    watching = sorted(spec.name for spec in checks if not spec.blocking)
    yield from [f"  blocks unless {', '.join(blocking)}"] if blocking else []
    yield from [f"  reports {', '.join(watching)}"] if watching else []


def test_graph_is_the_reviewed_one() -> None:
    assert graph_as_text(Settings(source="simulated")) == REVIEWED.read_text()


def test_stream_adds_an_asset_a_check_and_a_sensor(tmp_path: Path) -> None:
    text = graph_as_text(Settings(home=tmp_path, source="simulated_live"))
    added = set(text.splitlines()) - set(REVIEWED.read_text().splitlines())
    sensors = next(line for line in added if line.startswith("sensors: "))
    assert "stopped_stream" in sensors
    assert added - {sensors} == {
        "serving/stream (follows its inputs, must stay fresh)",
        "  from serving/online_features",
        "  reports stream_keeps_up",
    }


if __name__ == "__main__":
    print(graph_as_text(Settings(source="simulated")), end="")
