"""When the champion is deployed again, against a real HTTP server that reports /ready."""

import json
import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import dagster as dg
import pytest

from retention_assets.automation.sensors import undeployed_champion
from retention_assets.settings import Settings
from retention_assets_tests.automation.graph import Graph

CHAMPION = {"model_version": "7", "model_digest": "d7"}


@pytest.fixture
def served() -> dict[str, Any]:
    """What GET /ready reports; empty: no application, as on a new Ray head."""
    return {}


@pytest.fixture
def graph(tmp_path: Path, served: dict[str, Any]) -> Iterator[Graph]:
    """A graph whose champion was deployed, and a server in the places of Ray and its proxy."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if served else 404)
            self.end_headers()
            self.wfile.write(json.dumps(served).encode())

        def log_message(self, format: str, *args: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    port = server.server_address[1]
    graph = Graph(
        Settings(home=tmp_path, serve_port=port, ray_port=port, ray_address=None, api_keys="key")
    )
    graph.metadata["training/churn_champion"] = {"digest": "d7"}
    graph.metadata["serving/champion_deployment"] = {"model_digest": "d7"}
    yield graph
    server.shutdown()
    server.server_close()
    thread.join()


def evaluate(graph: Graph, instance: dg.DagsterInstance) -> Any:
    return graph.evaluate("undeployed_champion", instance)


def deploy_all(graph: Graph, instance: dg.DagsterInstance) -> None:
    graph.materialize(instance, {"training/churn_champion"})
    graph.materialize(instance, {"serving/champion_deployment"})


def test_no_champion_no_deployment(graph: Graph, instance: dg.DagsterInstance) -> None:
    assert "no champion" in evaluate(graph, instance).skip_message


def test_served_champion_is_left_alone(
    graph: Graph, instance: dg.DagsterInstance, served: dict[str, Any]
) -> None:
    deploy_all(graph, instance)
    served |= CHAMPION
    assert "is served" in evaluate(graph, instance).skip_message


@pytest.mark.parametrize("ready", [{}, {"model_digest": "d6"}])
def test_champion_that_is_not_served_is_deployed(
    graph: Graph, instance: dg.DagsterInstance, served: dict[str, Any], ready: dict[str, str]
) -> None:
    deploy_all(graph, instance)
    served |= ready
    assert isinstance(evaluate(graph, instance), dg.RunRequest)


def test_each_lost_deployment_gets_its_own_run(graph: Graph, instance: dg.DagsterInstance) -> None:
    """The same champion is deployed again when Ray dies a second time."""
    deploy_all(graph, instance)
    first = evaluate(graph, instance)
    assert graph.run("deployment", instance, **first.tags).success
    assert evaluate(graph, instance).run_key != first.run_key


def test_sensor_waits_while_ray_is_down(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        graph = Graph(Settings(home=tmp_path, ray_port=free.getsockname()[1], api_keys="key"))
        graph.metadata["serving/champion_deployment"] = {"model_digest": "d7"}
        graph.materialize(instance, {"serving/champion_deployment"})
        assert "Ray does not answer" in evaluate(graph, instance).skip_message


def test_sensor_waits_for_active_runs(graph: Graph, instance: dg.DagsterInstance) -> None:
    deploy_all(graph, instance)
    run = graph.start("training", instance)
    assert "queued or active" in evaluate(graph, instance).skip_message
    instance.report_run_failed(run, "killed")
    assert isinstance(evaluate(graph, instance), dg.RunRequest)


def test_failed_deployment_is_tried_again_after_a_wait(
    graph: Graph, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wait grows with each failure, and ends after an hour at most."""
    deploy_all(graph, instance)
    now = [time.time()]
    monkeypatch.setattr(undeployed_champion.time, "time", lambda: now[0])
    waits = []
    for _ in range(9):
        request = evaluate(graph, instance)
        assert isinstance(request, dg.RunRequest)
        instance.report_run_failed(graph.start("deployment", instance, request), "killed")
        result = evaluate(graph, instance)
        waits.append(int(result.skip_message.split(" in ")[1].split()[0]))
        now[0] += waits[-1] + 2
    assert waits == sorted(waits)
    assert waits[0] < 90


def test_new_champion_is_left_to_its_condition_at_first(
    graph: Graph, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only when it is not deployed for two ticks does the sensor deploy it."""
    deploy_all(graph, instance)
    graph.materialize(instance, {"training/churn_champion"})
    assert "is new" in evaluate(graph, instance).skip_message
    later = time.time() + 61
    monkeypatch.setattr(undeployed_champion.time, "time", lambda: later)
    assert isinstance(evaluate(graph, instance), dg.RunRequest)
