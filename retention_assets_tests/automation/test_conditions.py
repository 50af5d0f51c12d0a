"""What automation conditions request, and when, on a graph of empty bodies."""

from datetime import date, timedelta

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange

from retention_assets.automation import backlog
from retention_assets.automation.manual_run import MANUAL_RUN, manual_run
from retention_assets.resources.metadata import asset_key
from retention_assets.settings import Settings
from retention_assets_tests.automation.graph import FIRST, FOLLOWERS, LAST, Graph, requested

SCORES = "decisions/churn_scores"
BEHAVIOR = "features/customer_behavior"


def set_freshness(instance: dg.DagsterInstance, key: str, state: FreshnessState) -> None:
    """Reports what the freshness daemon reports."""
    change = FreshnessStateChange(
        key=asset_key(key),
        previous_state=FreshnessState.PASS,
        new_state=state,
        state_change_timestamp=0.0,
    )
    instance._report_runless_asset_event(change)


def test_nothing_is_requested_before_there_is_data(
    graph: Graph, instance: dg.DagsterInstance
) -> None:
    first = graph.tick(instance)
    assert requested(first) == requested(graph.tick(instance, first.cursor)) == set()


def test_nothing_is_requested_after_retention_run(
    graph: Graph, instance: dg.DagsterInstance
) -> None:
    """Whether the conditions are evaluated from the beginning, in between, or only afterwards."""
    before = graph.tick(instance)
    manual = {MANUAL_RUN: "true"}
    graph.run("new_days", instance, **backlog.range_tags(FIRST, LAST), **manual)
    between = graph.tick(instance, before.cursor)
    graph.run_all(instance, **manual)
    after = graph.tick(instance, between.cursor)
    first = graph.tick(instance)
    assert requested(between) == requested(after) == requested(first) == set()
    assert requested(graph.tick(instance, after.cursor)) == set()


def test_new_days_update_everything_but_training(
    graph: Graph, instance: dg.DagsterInstance
) -> None:
    graph.run_all(instance)
    before = graph.tick(instance)
    graph.run("new_days", instance, **backlog.range_tags(LAST, LAST))
    after = graph.tick(instance, before.cursor)
    assert requested(after) == FOLLOWERS
    graph.materialize(instance, FOLLOWERS)
    assert requested(graph.tick(instance, after.cursor)) == set()


def test_failed_blocking_check_stops_until_it_passes(
    graph: Graph, instance: dg.DagsterInstance
) -> None:
    graph.run_all(instance)
    before = graph.tick(instance)
    graph.valid = False
    graph.run("new_days", instance, **backlog.range_tags(LAST, LAST))
    blocked = graph.tick(instance, before.cursor)
    assert requested(blocked) == set()
    graph.valid = True
    graph.run("new_days", instance, **backlog.range_tags(LAST, LAST))
    assert requested(graph.tick(instance, blocked.cursor)) == FOLLOWERS


def test_blocking_checks_are_recorded_as_one_node(
    graph: Graph, instance: dg.DagsterInstance
) -> None:
    """However many checks the inputs have: the home stores each evaluation."""
    graph.run_all(instance)
    [evaluation] = [
        result.serializable_evaluation
        for result in graph.tick(instance).results
        if result.key == asset_key(BEHAVIOR)
    ]
    nodes = [node.condition_snapshot.class_name for node in evaluation.iter_nodes()]
    assert nodes.count("InputsPassBlockingChecks") == 1
    assert not {"AllChecksCondition", "CheckResultCondition"} & {*nodes}


def test_new_champion_is_deployed_and_used_for_scores(
    graph: Graph, instance: dg.DagsterInstance
) -> None:
    graph.run_all(instance)
    before = graph.tick(instance)
    graph.run("training", instance)
    following = requested(graph.tick(instance, before.cursor))
    assert following >= {"serving/champion_deployment", SCORES}
    assert following.isdisjoint({"serving/online_features", BEHAVIOR})


def test_new_examples_lead_to_a_new_decision(graph: Graph, instance: dg.DagsterInstance) -> None:
    graph.run_all(instance)
    before = graph.tick(instance)
    week = backlog.range_tags(date(2024, 2, 26), date(2024, 2, 26))
    graph.run("matured_weeks", instance, **week)
    assert requested(graph.tick(instance, before.cursor)) == {"monitoring/retraining_decision"}


class TestStaleAsset:
    def test_stale_asset_is_materialized_again(
        self, graph: Graph, instance: dg.DagsterInstance
    ) -> None:
        graph.run_all(instance)
        before = graph.tick(instance)
        set_freshness(instance, SCORES, FreshnessState.WARN)
        warned = graph.tick(instance, before.cursor)
        assert requested(warned) == set()
        set_freshness(instance, SCORES, FreshnessState.FAIL)
        stale = graph.tick(instance, warned.cursor)
        assert requested(stale) == {SCORES}
        graph.materialize(instance, {SCORES})
        assert requested(graph.tick(instance, stale.cursor)) == set()

    def test_stale_input_takes_its_followers_along(
        self, graph: Graph, instance: dg.DagsterInstance
    ) -> None:
        graph.run_all(instance)
        before = graph.tick(instance)
        set_freshness(instance, BEHAVIOR, FreshnessState.FAIL)
        assert requested(graph.tick(instance, before.cursor)) == FOLLOWERS

    def test_failed_run_is_not_repeated_for_ever(
        self, graph: Graph, instance: dg.DagsterInstance
    ) -> None:
        graph.run_all(instance)
        before = graph.tick(instance)
        set_freshness(instance, SCORES, FreshnessState.FAIL)
        stale = graph.tick(instance, before.cursor)
        graph.broken = {SCORES}
        assert not graph.materialize(instance, {SCORES}).success
        cursor = stale.cursor
        for _ in range(3):
            result = graph.tick(instance, cursor)
            cursor = result.cursor
            assert requested(result) == set()

    def test_asset_that_becomes_stale_again_is_materialized_again(
        self, graph: Graph, instance: dg.DagsterInstance
    ) -> None:
        graph.run_all(instance)
        cursor = graph.tick(instance).cursor
        for _ in range(2):
            set_freshness(instance, SCORES, FreshnessState.FAIL)
            stale = graph.tick(instance, cursor)
            assert requested(stale) == {SCORES}
            graph.materialize(instance, {SCORES})
            set_freshness(instance, SCORES, FreshnessState.PASS)
            cursor = graph.tick(instance, stale.cursor).cursor

    def test_stale_asset_waits_for_retention_run(
        self, graph: Graph, instance: dg.DagsterInstance
    ) -> None:
        graph.run_all(instance)
        before = graph.tick(instance)
        set_freshness(instance, SCORES, FreshnessState.FAIL)
        with manual_run(instance):
            during = graph.tick(instance, before.cursor)
        assert requested(during) == set()
        assert requested(graph.tick(instance, during.cursor)) == {SCORES}

    def test_stale_asset_waits_for_blocking_checks(
        self, graph: Graph, instance: dg.DagsterInstance
    ) -> None:
        graph.run_all(instance)
        before = graph.tick(instance)
        graph.valid = False
        graph.run("new_days", instance, **backlog.range_tags(LAST, LAST))
        set_freshness(instance, "validated/watermark", FreshnessState.FAIL)
        assert requested(graph.tick(instance, before.cursor)) == set()

    def test_stale_asset_is_requested_without_earlier_tick(
        self, graph: Graph, instance: dg.DagsterInstance
    ) -> None:
        """As after an update of the code, which starts the conditions' state anew."""
        graph.run_all(instance)
        set_freshness(instance, SCORES, FreshnessState.FAIL)
        assert requested(graph.tick(instance)) == {SCORES}


class TestPolicies:
    def test_following_assets_have_condition_and_policy(self, graph: Graph) -> None:
        specs = {spec.key.to_user_string(): spec for spec in graph.defs.resolve_all_asset_specs()}
        expected = FOLLOWERS | {"validated/watermark"}
        assert {key for key, spec in specs.items() if spec.automation_condition} == expected
        assert {key for key, spec in specs.items() if spec.freshness_policy} == expected

    @pytest.mark.parametrize(("fail_s", "warn"), [(60, None), (3600, timedelta(minutes=30))])
    def test_setting_sets_the_freshness_window(self, fail_s: int, warn: timedelta | None) -> None:
        graph = Graph(Settings(freshness_fail_s=fail_s))
        specs = {spec.key.to_user_string(): spec for spec in graph.defs.resolve_all_asset_specs()}
        expected = dg.FreshnessPolicy.time_window(timedelta(seconds=fail_s), warn)
        assert specs[SCORES].freshness_policy == expected
