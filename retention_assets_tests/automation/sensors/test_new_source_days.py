"""Which files the sensor asks to read, and when it waits or gives up."""

import os
import time
from datetime import date, timedelta
from typing import Any

import dagster as dg
import pytest

from retention_assets.automation import backlog
from retention_assets.automation.forgetting import forget_files
from retention_assets.sources.ledger import READ, Ledger, State, new_entries
from retention_assets.sources.source_files import SourceFile
from retention_assets_tests.automation.graph import FIRST, LAST, Graph

AFTER_LAST = LAST + timedelta(days=1)
NEXT = date(2024, 4, 10)
AN_HOUR_AGO = 3600


@pytest.fixture(autouse=True)
def source(graph: Graph) -> Graph:
    """A source with one file for the first day and one for the last."""
    write(graph, FIRST)
    write(graph, LAST)
    return graph


def write(graph: Graph, day: date, *, text: str = "x", age_s: float = AN_HOUR_AGO) -> None:
    file = graph.platform.profile.root / "customers" / f"{day}.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    moment = time.time() - age_s
    os.utime(file, (moment, moment))


def remove(graph: Graph, day: date) -> None:
    (graph.platform.profile.root / "customers" / f"{day}.csv").unlink()


def evaluate(graph: Graph, instance: dg.DagsterInstance) -> Any:
    """The run that the sensor requests, or why it requests none."""
    result = graph.evaluate("new_source_days", instance)
    return result if isinstance(result, dg.RunRequest) else result.skip_message


def read(graph: Graph, instance: dg.DagsterInstance, request: dg.RunRequest, run_id: str) -> None:
    """Writes down that the run has read all files that are complete."""
    files = backlog.look_at_source(graph.platform, instance).state.unread
    ledger = Ledger(graph.platform.settings.lake_root)
    states: dict[SourceFile, State] = dict.fromkeys(files, READ)
    ledger.add(new_entries(graph.platform.profile, states, ledger.content(), run_id=run_id))


def run(graph: Graph, instance: dg.DagsterInstance, request: dg.RunRequest) -> None:
    result = graph.run("new_days", instance, **request.tags)
    assert result.success
    read(graph, instance, request, result.run_id)


def test_whole_source_is_read_first_then_new_days(
    graph: Graph, instance: dg.DagsterInstance
) -> None:
    """New days begin with the first one that is not closed."""
    request = evaluate(graph, instance)
    assert request.tags.items() >= backlog.range_tags(FIRST, LAST).items()
    run(graph, instance, request)
    assert evaluate(graph, instance) == "No new source file."
    write(graph, NEXT)
    request = evaluate(graph, instance)
    assert request.tags.items() >= backlog.range_tags(AFTER_LAST, NEXT).items()


def test_same_source_is_requested_once(graph: Graph, instance: dg.DagsterInstance) -> None:
    first = evaluate(graph, instance)
    again = evaluate(graph, instance)
    assert first.run_key == again.run_key  # Dagster launches a run key once


def test_failed_reading_is_tried_three_times(graph: Graph, instance: dg.DagsterInstance) -> None:
    """Also where the run had read the files before it was killed; run monitoring closes it."""
    run_keys = []
    for _ in range(3):
        request = evaluate(graph, instance)
        run_keys.append(request.run_key)
        started = graph.start("new_days", instance, request)
        read(graph, instance, request, started.run_id)
        instance.report_run_failed(started, "killed")
    assert len(set(run_keys)) == 3
    assert "failed 3 times" in evaluate(graph, instance)
    write(graph, NEXT)
    assert evaluate(graph, instance).tags.items() >= backlog.range_tags(FIRST, NEXT).items()


def test_sensor_waits_while_new_days_are_read(graph: Graph, instance: dg.DagsterInstance) -> None:
    started = graph.start("new_days", instance)
    assert evaluate(graph, instance) == "New days are being read."
    instance.report_run_canceled(started)
    assert evaluate(graph, instance).tags


def test_growing_file_waits_by_name_and_others_go_on(
    graph: Graph, instance: dg.DagsterInstance
) -> None:
    run(graph, instance, evaluate(graph, instance))
    write(graph, NEXT, age_s=1)
    assert evaluate(graph, instance) == ("No new source file. Still being written: 2024-04-10.csv.")
    write(graph, NEXT, text="more", age_s=0)
    write(graph, date(2024, 4, 11))
    request = evaluate(graph, instance)
    assert request.tags.items() >= backlog.range_tags(AFTER_LAST, date(2024, 4, 11)).items()
    request = evaluate(graph, instance)  # the file is the same as at the last look
    assert request.tags.items() >= backlog.range_tags(AFTER_LAST, date(2024, 4, 11)).items()


def test_vanished_file_only_updates_the_ledger(graph: Graph, instance: dg.DagsterInstance) -> None:
    run(graph, instance, evaluate(graph, instance))
    remove(graph, FIRST)
    request = evaluate(graph, instance)
    assert request.asset_selection == [dg.AssetKey(["raw", "source_files"])]
    assert request.tags == {}
    write(graph, FIRST)
    request = evaluate(graph, instance)
    assert request.tags.items() >= backlog.range_tags(AFTER_LAST, AFTER_LAST).items()


def test_forgotten_file_leads_to_a_run_over_all_later_days(
    graph: Graph, instance: dg.DagsterInstance
) -> None:
    run(graph, instance, evaluate(graph, instance))
    remove(graph, FIRST)
    evaluate(graph, instance)
    forget_files(graph.platform, [f"{FIRST}.csv"])
    request = evaluate(graph, instance)
    assert request.tags.items() >= backlog.range_tags(FIRST, AFTER_LAST).items()


def test_sensor_lists_the_source_once(graph: Graph, instance: dg.DagsterInstance) -> None:
    listed = []
    glob = type(graph.platform.profile.root).glob
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            type(graph.platform.profile.root),
            "glob",
            lambda path, pattern: listed.append(pattern) or glob(path, pattern),
        )
        evaluate(graph, instance)
    assert listed == ["customers/*.csv"]


def test_changed_contract_waits_for_a_person(graph: Graph, instance: dg.DagsterInstance) -> None:
    """Another rule for valid rows must not be added to a table that has the old one."""
    run(graph, instance, evaluate(graph, instance))
    settings = graph.platform.settings
    changed = Graph(settings.model_copy(update={"max_quarantined_share": 0.5}))
    write(changed, NEXT)
    message = evaluate(changed, instance)
    assert "max_quarantined_share 0.05 -> 0.5" in message
    assert "Fix: Run `retention run`" in message
    assert isinstance(evaluate(graph, instance), dg.RunRequest)
