"""When the sensor starts a training: once per decision, again after a failure."""

from typing import Any

import dagster as dg

from retention_assets.automation.manual_run import PROCESS, manual_run
from retention_assets.services.instance import write_state
from retention_assets_tests.automation.graph import Graph
from retention_assets_tests.runs import materialized


def evaluate(graph: Graph, instance: dg.DagsterInstance) -> Any:
    return graph.evaluate("retraining", instance)


def decide(
    graph: Graph, instance: dg.DagsterInstance, *, reason: str, action: str = "search"
) -> None:
    graph.metadata["monitoring/retraining_decision"] = {"action": action, "reason": reason}
    graph.run("weekly_review", instance)


def test_no_decision_no_training(graph: Graph, instance: dg.DagsterInstance) -> None:
    assert isinstance(evaluate(graph, instance), dg.SkipReason)


def test_reason_against_training_is_shown(graph: Graph, instance: dg.DagsterInstance) -> None:
    decide(graph, instance, reason="Cool-down", action="none")
    assert evaluate(graph, instance).skip_message == "Cool-down"


def test_one_decision_starts_one_training(graph: Graph, instance: dg.DagsterInstance) -> None:
    decide(graph, instance, reason="Drift")
    request = evaluate(graph, instance)
    assert evaluate(graph, instance).run_key == request.run_key
    graph.run("training", instance, **request.tags)
    assert "carried out" in evaluate(graph, instance).skip_message
    decide(graph, instance, reason="Drift")
    assert evaluate(graph, instance).run_key != request.run_key


def test_refit_trains_no_candidate(graph: Graph, instance: dg.DagsterInstance) -> None:
    decide(graph, instance, reason="The last training was 7 days ago", action="refit")
    request = evaluate(graph, instance)
    assert request.job_name == "refit"
    result = graph.run("refit", instance, **request.tags)
    assert set(materialized(result)) == {"training/churn_champion", "training/test_periods"}
    assert "carried out" in evaluate(graph, instance).skip_message


def test_failed_training_is_tried_three_times(graph: Graph, instance: dg.DagsterInstance) -> None:
    decide(graph, instance, reason="Drift")
    run_keys = set()
    for _ in range(3):
        request = evaluate(graph, instance)
        run_keys.add(request.run_key)
        instance.report_run_failed(graph.start("training", instance, request), "killed")
    assert len(run_keys) == 3
    assert "failed 3 times" in evaluate(graph, instance).skip_message
    decide(graph, instance, reason="Drift")
    assert isinstance(evaluate(graph, instance), dg.RunRequest)


def test_two_decisions_start_one_training_at_a_time(
    graph: Graph, instance: dg.DagsterInstance
) -> None:
    """As when drift and the weekly review ask for one on the same day."""
    decide(graph, instance, reason="Drift")
    run = graph.start("training", instance, evaluate(graph, instance))
    decide(graph, instance, reason="The last training was 7 days ago", action="refit")
    assert "queued or active" in evaluate(graph, instance).skip_message
    instance.report_run_canceled(run)


def test_training_waits_for_an_active_retention_run(
    graph: Graph, instance: dg.DagsterInstance
) -> None:
    """Also between its runs; not for one whose process was killed."""
    decide(graph, instance, reason="Drift")
    with manual_run(instance):
        assert isinstance(evaluate(graph, instance), dg.SkipReason)
    assert isinstance(evaluate(graph, instance), dg.RunRequest)
    write_state(instance, PROCESS, {"pid": 2**22 + 1, "started": 0.0})
    assert isinstance(evaluate(graph, instance), dg.RunRequest)
