"""Which weeks the sensor asks to fill, and when it gives up."""

from datetime import date

import dagster as dg

from retention_assets.automation import backlog
from retention_assets.keys import CHURN_EXAMPLES, WATERMARK
from retention_assets.resources.small_tables import set_table_properties
from retention_assets.training.filled_weeks import FILLED_WEEKS
from retention_assets_tests.automation.graph import LAST, Graph

SENSOR = "matured_weeks"


def test_matured_weeks_are_filled_and_no_others(graph: Graph, instance: dg.DagsterInstance) -> None:
    assert isinstance(graph.evaluate(SENSOR, instance), dg.SkipReason)
    graph.run("new_days", instance, **backlog.range_tags(LAST, LAST))
    request = graph.evaluate(SENSOR, instance)
    # 28 days of history, then a label 14 + 30 + 7 days later, by the end of 9 April.
    weeks = backlog.range_tags(date(2024, 1, 29), date(2024, 2, 19))
    assert request.tags.items() >= weeks.items()
    graph.run("matured_weeks", instance, **request.tags)
    assert isinstance(graph.evaluate(SENSOR, instance), dg.SkipReason)


def test_week_materialized_while_open_is_filled_later(
    graph: Graph, instance: dg.DagsterInstance
) -> None:
    """As by a backfill from the user interface, which wrote nothing for it."""
    graph.run("new_days", instance, **backlog.range_tags(LAST, LAST))
    run = graph.run("matured_weeks", instance, **backlog.range_tags(date(2024, 1, 29), LAST))
    assert run.success
    set_table_properties(
        graph.platform.settings.lake_root, CHURN_EXAMPLES, {FILLED_WEEKS: '["2024-01-29"]'}
    )
    request = graph.evaluate(SENSOR, instance)
    weeks = backlog.range_tags(date(2024, 2, 5), date(2024, 2, 19))
    assert request.tags.items() >= weeks.items()


def test_weeks_wait_for_the_table_of_their_labels(
    graph: Graph, instance: dg.DagsterInstance
) -> None:
    """It has been delivered through 19 March, when other tables are three weeks ahead."""
    graph.metadata[WATERMARK]["labels_through"] = "2024-03-19"
    graph.run("new_days", instance, **backlog.range_tags(LAST, LAST))
    request = graph.evaluate(SENSOR, instance)
    weeks = backlog.range_tags(date(2024, 1, 29), date(2024, 1, 29))
    assert request.tags.items() >= weeks.items()


def test_failed_weeks_are_tried_three_times(graph: Graph, instance: dg.DagsterInstance) -> None:
    graph.run("new_days", instance, **backlog.range_tags(LAST, LAST))
    run_keys = set()
    for _ in range(3):
        request = graph.evaluate(SENSOR, instance)
        run_keys.add(request.run_key)
        run = graph.start("matured_weeks", instance, request)
        assert "queued or active" in graph.evaluate(SENSOR, instance).skip_message
        instance.report_run_failed(run, "killed")
    assert len(run_keys) == 3
    assert "failed 3 times" in graph.evaluate(SENSOR, instance).skip_message
