"""Which days the sensor asks to read, and when it waits or gives up."""

from datetime import date
from typing import Any

import dagster as dg
import pytest

from retention_assets.automation import backlog
from retention_assets_tests.automation.graph import FIRST, LAST, Graph

NEXT = date(2024, 4, 10)


@pytest.fixture(autouse=True)
def source(monkeypatch: pytest.MonkeyPatch) -> list[date]:
    """Days that the source has; each is a file."""
    days = [LAST]

    def changed(_profile: Any, files: dict | None, _as_of: Any) -> tuple[date, date] | None:
        new = [day for day in days if str(day) not in (files or {})]
        return (min(new) if files else FIRST, max(new)) if new else None

    def fingerprint(_profile: Any, _as_of: Any) -> dict[str, int]:
        return {str(day): 1 for day in days}

    monkeypatch.setattr(backlog, "fingerprint", fingerprint)
    monkeypatch.setattr(backlog, "changed_range", changed)
    monkeypatch.setattr(backlog, "newest_day", lambda _profile, _as_of: max(days))
    return days


def evaluate(
    graph: Graph, instance: dg.DagsterInstance, cursor: str | None = None
) -> tuple[Any, str | None]:
    """The run that the sensor requests, or None, and its new cursor."""
    result = graph.evaluate("new_source_days", instance, cursor)
    if isinstance(result, dg.SensorResult) and result.run_requests:
        return result.run_requests[0], result.cursor
    return None, cursor


def test_whole_source_is_read_first_then_new_days(
    graph: Graph, instance: dg.DagsterInstance, source: list[date]
) -> None:
    """With new days, the days before them are read again for late rows."""
    request, cursor = evaluate(graph, instance)
    assert request.tags.items() >= backlog.range_tags(FIRST, LAST).items()
    graph.run("new_days", instance, **request.tags)
    nothing, cursor = evaluate(graph, instance, cursor)
    assert nothing is None
    source.append(NEXT)
    request, cursor = evaluate(graph, instance, cursor)
    assert request.tags.items() >= backlog.range_tags(date(2024, 4, 3), NEXT).items()


def test_same_source_is_requested_once(graph: Graph, instance: dg.DagsterInstance) -> None:
    first, cursor = evaluate(graph, instance)
    again, _ = evaluate(graph, instance, cursor)
    assert first.run_key == again.run_key  # Dagster launches a run key once


def test_failed_reading_is_tried_three_times(
    graph: Graph, instance: dg.DagsterInstance, source: list[date]
) -> None:
    """A run that was killed is closed as failed by run monitoring."""
    cursor = None
    run_keys = []
    for _ in range(3):
        request, cursor = evaluate(graph, instance, cursor)
        run_keys.append(request.run_key)
        instance.report_run_failed(graph.start("new_days", instance, request), "killed")
    assert len(set(run_keys)) == 3
    assert evaluate(graph, instance, cursor)[0] is None
    source.append(NEXT)
    assert evaluate(graph, instance, cursor)[0] is not None


def test_sensor_waits_while_new_days_are_read(graph: Graph, instance: dg.DagsterInstance) -> None:
    run = graph.start("new_days", instance)
    assert evaluate(graph, instance)[0] is None
    instance.report_run_canceled(run)
    assert evaluate(graph, instance)[0] is not None


def test_days_that_retention_run_read_are_not_read_again(
    graph: Graph, instance: dg.DagsterInstance, source: list[date]
) -> None:
    backlog.mark_read(instance, backlog.source_now(graph.platform))
    assert evaluate(graph, instance)[0] is None
    source.append(NEXT)
    assert evaluate(graph, instance)[0] is not None


def test_another_source_is_read_from_its_start(graph: Graph, instance: dg.DagsterInstance) -> None:
    backlog.mark_read(instance, backlog.source_now(graph.platform) | {"profile": "another"})
    request, _ = evaluate(graph, instance)
    assert request.tags.items() >= backlog.range_tags(FIRST, LAST).items()
