"""The graph as text that a person can read in a review: what depends on what, on which clock, behind which checks.

After a change that is meant: `python retention_assets_tests/test_graph.py > retention_assets_tests/graph.txt`.
"""

from collections.abc import Iterator
from pathlib import Path
from textwrap import fill

import dagster as dg
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph

from retention_assets.definitions import build_definitions
from retention_assets.settings import Settings

KNOWN = Path(__file__).with_name("graph.txt")


def graph_as_text() -> str:
    """Every asset of the embedded source with its inputs, in the order in which data flows; then what starts runs."""
    defs = build_definitions(Settings(source="simulated"))
    graph = defs.resolve_asset_graph()
    assets = "\n".join(
        fill(line, 120, subsequent_indent="    ")
        for key in graph.toposorted_asset_keys
        for line in _asset(graph, key)
    )
    repository = defs.get_repository_def()
    starts = {
        "jobs": sorted(
            job.name for job in repository.get_all_jobs() if not job.name.startswith("__")
        ),
        "schedules": sorted(
            f"{schedule.name} ({schedule.cron_schedule})" for schedule in repository.schedule_defs
        ),
        "sensors": sorted(sensor.name for sensor in repository.sensor_defs),
    }
    return (
        "\n".join([assets, *(f"{what}: {', '.join(names)}" for what, names in starts.items())])
        + "\n"
    )


def _asset(graph: AssetGraph, key: dg.AssetKey) -> Iterator[str]:
    node = graph.get(key)
    clock = {"DailyPartitionsDefinition": "daily", "WeeklyPartitionsDefinition": "weekly"}
    notes = [clock[type(node.partitions_def).__name__]] if node.partitions_def else []
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


def test_the_graph_is_the_one_that_was_reviewed() -> None:
    assert graph_as_text() == KNOWN.read_text()


if __name__ == "__main__":
    print(graph_as_text(), end="")
