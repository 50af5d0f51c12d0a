"""A rollback on a real registry and Dagster instance, with a small graph and no Ray."""

import io
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import mlflow
import pytest
from rich.console import Console

from retention_assets.automation import backlog
from retention_assets.automation.rollback import plan_rollback, roll_back
from retention_assets.automation.sensors.undeployed_champion import expected_model
from retention_assets.cli.progress import RunDisplay
from retention_assets.errors import ContractError, RegistryError, RunFailedError, SetupError
from retention_assets.keys import CHURN_CHAMPION
from retention_assets.resources.registry import Registry
from retention_assets.services.instance import open_instance
from retention_assets.settings import Settings
from retention_assets_tests.automation.graph import Graph, requested
from retention_assets_tests.resources.models import promoted

AT = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def graph(tmp_path: Path) -> Iterator[Graph]:
    """The platform's keys with empty bodies. Something listens where Ray would."""
    with socket.create_server(("127.0.0.1", 0)) as ray:
        port = ray.getsockname()[1]
        yield Graph(Settings(home=tmp_path / "home", ray_port=port, ray_address=None))


def registry_of(graph: Graph) -> Registry:
    return Registry.of(graph.platform.settings)


def promote(graph: Graph, folder: Path, champions: int) -> list[str]:
    """So many champions, one after the other. Returns their digests."""
    registry = registry_of(graph)
    return [promoted(registry, folder / str(step), float(step))[1] for step in range(champions)]


def roll_back_now(graph: Graph, reason: str = "bad calls") -> str:
    progress = RunDisplay(Console(file=io.StringIO()))
    result = roll_back(graph.defs, graph.platform, reason=reason, at=AT, progress=progress)
    return result.champion.version


def test_rollback_restores_and_deploys_the_previous(graph: Graph, tmp_path: Path) -> None:
    """Repeated, it goes back to the first champion, and not to and fro."""
    digests = promote(graph, tmp_path, 3)
    registry = registry_of(graph)
    with open_instance(graph.platform.settings) as instance:
        graph.run_all(instance)
        cursor = graph.tick(instance).cursor
        assert roll_back_now(graph) == "2"
        champion = registry.champion("churn")
        assert champion is not None and champion.digest == digests[1]
        shown = backlog.metadata_of(instance, CHURN_CHAMPION)
        assert (shown["digest"], shown["model_version"]) == (digests[1], "2")
        assert shown["reason"] == "Rolled back from version 3: bad calls"
        assert "rolled back from version 3: bad calls" in shown["model_card"]
        (run, *_) = instance.get_runs(limit=1)
        assert run.status == dg.DagsterRunStatus.SUCCESS
        assert [key.to_user_string() for key in run.asset_selection or ()] == [
            "serving/champion_deployment"
        ]
        assert {"decisions/churn_scores", "monitoring/feature_drift"} <= requested(
            graph.tick(instance, cursor)
        )
    term = registry.history("churn")[-1]
    assert (term.began_at, term.began_watermark) == ("2030-01-01T00:00:00+00:00", "2024-04-09")
    assert roll_back_now(graph) == "1"
    with pytest.raises(RegistryError, match=r"no champion before version 1 .* Fix: Train"):
        roll_back_now(graph)
    versions = [term.version for term in registry.history("churn")]
    assert versions == ["1", "2", "3", "2", "1"]


def test_sensor_expects_the_restored_champion(graph: Graph, tmp_path: Path) -> None:
    """Also where the deployment of the rollback has failed."""
    digests = promote(graph, tmp_path, 2)
    graph.broken.add("serving/champion_deployment")
    with open_instance(graph.platform.settings) as instance:
        graph.metadata[CHURN_CHAMPION] = {"digest": digests[1]}
        graph.materialize(instance, {CHURN_CHAMPION})
        with pytest.raises(RunFailedError, match="serving/champion_deployment failed"):
            roll_back_now(graph)
        expected = expected_model(instance)
        assert expected is not None and expected.digest == digests[0]


def test_without_champion_nothing_is_restored(graph: Graph) -> None:
    registry = registry_of(graph)
    with pytest.raises(RegistryError, match=r"There is no champion yet\. Fix: Run the graph"):
        roll_back_now(graph)
    assert not registry.exists()


def test_champion_of_other_features_is_not_restored(graph: Graph, tmp_path: Path) -> None:
    promote(graph, tmp_path, 2)
    registry = registry_of(graph)
    client = mlflow.MlflowClient(registry.tracking_uri)
    client.set_model_version_tag(registry.model_name("churn"), "1", "features", "of before")
    with pytest.raises(ContractError, match=r"version 1, was trained .* Fix: Take the change"):
        plan_rollback(registry, "of today", "bad calls")
    champion = registry.champion("churn")
    assert champion is not None and champion.version == "2"
    assert plan_rollback(registry, "of before", "bad calls").champion.version == "1"


def test_platform_that_is_down_is_not_changed(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        settings = Settings(home=tmp_path / "home", ray_port=free.getsockname()[1])
        with pytest.raises(SetupError, match=r"Ray does not answer .* Fix: Start it with"):
            roll_back_now(Graph(settings))
    assert not settings.home.exists()
