"""What `retention run` makes again and what it says of a failure, on a graph of the test's own, without Spark."""

import io
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from rich.console import Console

from retention_assets.automation import backlog
from retention_assets.automation.reconciliation import SERVING, GraphRun
from retention_assets.cli.progress import RunDisplay
from retention_assets.errors import ProfileError, RunFailedError
from retention_assets.platform import Platform
from retention_assets.settings import Settings


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    return Platform.of(Settings(home=tmp_path, source="simulated"))


def graph_of(platform: Platform, *assets: dg.AssetsDefinition, instance: Any = None) -> GraphRun:
    defs = dg.Definitions(assets, executor=dg.in_process_executor)
    return GraphRun(defs, platform, instance, RunDisplay(Console(file=io.StringIO())))


def partitioned(name: str, partitions: dg.PartitionsDefinition | None) -> dg.AssetsDefinition:
    @dg.asset(name=name, partitions_def=partitions)
    def made() -> None: ...

    return made


def test_assets_are_told_apart_by_their_partitions(platform: Platform) -> None:
    clock = platform.partitions
    pairs = [("d", clock.daily), ("w", clock.weekly), ("b", None), ("a", None)]
    graph = graph_of(platform, *(partitioned(*pair) for pair in pairs))
    asked = (clock.daily, clock.weekly, None)
    assert [[key.to_user_string() for key in graph.keys(which)] for which in asked] == [
        ["d"],
        ["w"],
        ["a", "b"],
    ]


def test_a_run_makes_what_was_asked_for_and_is_marked_as_by_hand(platform: Platform) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        graph = graph_of(
            platform, partitioned("a", None), partitioned("b", None), instance=instance
        )
        graph.make("One", [dg.AssetKey("a")], {"why": "test"})
        (run,) = instance.get_runs()
        made = [
            bool(instance.get_latest_materialization_event(dg.AssetKey(name)))
            for name in ("a", "b")
        ]
    assert made == [True, False]
    assert (run.tags[backlog.BY_HAND], run.tags["why"]) == ("true", "test")


@pytest.mark.parametrize(
    ("error", "fix"),
    [
        (ProfileError("No such file.", "Put it there."), "Put it there."),
        (ValueError("No such file."), "The full account is in "),
    ],
)
def test_a_failed_run_raises_its_first_cause_with_a_remedy(
    platform: Platform, error: Exception, fix: str
) -> None:
    @dg.asset
    def broken() -> None:
        raise error

    @dg.asset(deps=[broken])
    def after() -> None: ...

    with dg.DagsterInstance.ephemeral() as instance, pytest.raises(RunFailedError) as failed:
        graph_of(platform, broken, after, instance=instance).make("All", [broken.key, after.key])
    assert failed.value.problem.startswith("broken failed: ") and failed.value.problem.endswith(
        "No such file."
    )
    assert failed.value.fix.startswith(fix)


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ({"serve_port": 9000}, False),
        ({"redis_url": "redis://elsewhere"}, False),
        ({"api_keys": "a-key"}, False),
        ({"spark_memory": "9g"}, False),
        ({"gap_days": 15}, True),
        ({"seed": 2}, True),
        ({"saved_margin": 121.0}, True),
        ({"risk_high": 0.61}, True),
        ({"drift_alpha": 0.02}, True),
        ({"feature_ttl_days": 31}, True),
    ],
)
def test_a_knob_that_changes_what_is_made_changes_the_recorded_digest(
    platform: Platform, change: dict[str, Any], again: bool
) -> None:
    other = Platform.of(platform.settings.model_copy(update=change))
    assert (graph_of(platform)._knobs() != graph_of(other)._knobs()) == again


def test_what_is_deployed_again_is_in_the_graph(platform: Platform) -> None:
    from retention_assets.definitions import build_definitions

    graph = build_definitions(platform.settings).resolve_asset_graph()
    assert {dg.AssetKey.from_user_string(key) for key in SERVING} <= graph.get_all_asset_keys()
