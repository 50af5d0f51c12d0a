"""The clock, on a graph with the platform's keys and empty bodies: what is launched, when, and how often."""

from datetime import date
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.declarative_automation.automation_condition_tester import (
    EvaluateAutomationConditionsResult,
)

from retention_assets.automation import backlog
from retention_assets.automation import conditions as automation
from retention_assets.partitions import partitions_of
from retention_assets.resources.alerts import Alerts
from retention_assets.services.instance import open_log, write_state
from retention_assets.settings import Settings

FIRST, LAST = date(2024, 1, 1), date(2024, 4, 9)
CHURN = SimpleNamespace(horizon_days=30, reporting_lag_days=7)
FOLLOWERS = {
    "features/customer_behavior",
    "serving/online_features",
    "serving/champion_deployment",
    "decisions/churn_scores",
    "monitoring/feature_drift",
    "monitoring/retraining_decision",
}


class Graph:
    """The platform's graph in small. Bodies do nothing; `metadata` is what an asset will say, `broken` who will fail."""

    def __init__(self, settings: Settings) -> None:
        profile: Any = SimpleNamespace(
            name="test", start=FIRST, end=date(2024, 12, 31), churn=CHURN, model_dump=self.as_data
        )
        self.platform: Any = SimpleNamespace(
            settings=settings, profile=profile, partitions=partitions_of(FIRST, profile.end)
        )
        self.metadata: dict[str, dict[str, Any]] = {"validated/watermark": {"watermark": str(LAST)}}
        self.valid = True
        daily, weekly = self.platform.partitions.daily, self.platform.partitions.weekly
        assets = [
            self.asset("raw/customers", [], daily),
            self.asset("validated/customers", ["raw/customers"], daily),
            self.asset("validated/watermark", ["validated/customers"]),
            self.asset("features/daily_activity", ["validated/customers"], daily),
            self.asset(
                "features/customer_behavior", ["features/daily_activity", "validated/watermark"]
            ),
            self.asset(
                "training/churn_examples",
                ["features/daily_activity", "validated/watermark"],
                weekly,
            ),
            self.asset("training/churn_xgboost", ["training/churn_examples"]),
            self.asset("training/churn_champion", ["training/churn_xgboost"]),
            self.asset("serving/online_features", ["features/customer_behavior"]),
            self.asset(
                "serving/champion_deployment",
                ["training/churn_champion", "serving/online_features"],
            ),
            self.asset(
                "decisions/churn_scores", ["training/churn_champion", "features/customer_behavior"]
            ),
            self.asset(
                "monitoring/feature_drift",
                ["training/churn_champion", "features/customer_behavior"],
            ),
            self.asset(
                "monitoring/retraining_decision",
                ["monitoring/feature_drift", "training/churn_examples"],
            ),
        ]
        timed = automation.on_the_clock(assets, self.platform)
        jobs = automation.retention_jobs(timed, self.platform)
        self.sensors = {
            sensor.name: sensor for sensor in automation.retention_sensors(jobs, self.platform)
        }
        self.schedules = automation.retention_schedules(jobs, self.platform)
        self.defs = dg.Definitions(
            timed,
            asset_checks=[self.blocking_check()],
            jobs=list(jobs.values()),
            sensors=list(self.sensors.values()),
            schedules=self.schedules,
            executor=dg.in_process_executor,
            resources={"alerts": Alerts(urls=[])},
        )

    def as_data(self, **_: Any) -> dict[str, str]:
        return {"name": self.platform.profile.name}

    def asset(
        self, key: str, deps: list[str], partitions: dg.PartitionsDefinition | None = None
    ) -> dg.AssetsDefinition:
        @dg.asset(
            key=key.split("/"),
            deps=[dep.split("/") for dep in deps],
            partitions_def=partitions,
            group_name=key.split("/")[0],
            backfill_policy=dg.BackfillPolicy.single_run() if partitions else None,
        )
        def body() -> dg.MaterializeResult:
            return dg.MaterializeResult(metadata=self.metadata.get(key, {}))

        return body

    def blocking_check(self) -> dg.AssetChecksDefinition:
        @dg.asset_check(asset=["validated", "customers"], blocking=True)
        def rows_in_equal_rows_out() -> dg.AssetCheckResult:
            return dg.AssetCheckResult(passed=self.valid)

        return rows_in_equal_rows_out

    def run(self, job: str, instance: dg.DagsterInstance, **tags: str) -> dg.ExecuteInProcessResult:
        return self.defs.resolve_job_def(job).execute_in_process(
            instance=instance, tags=tags, raise_on_error=False
        )

    def run_all(self, instance: dg.DagsterInstance, **tags: str) -> None:
        """As `retention run` does: days, weeks, and then everything else."""
        self.run("new_days", instance, **backlog.range_tags(FIRST, LAST), **tags)
        self.run(
            "matured_weeks",
            instance,
            **backlog.range_tags(date(2024, 2, 5), date(2024, 2, 19)),
            **tags,
        )
        rest = [
            spec.key for spec in self.defs.resolve_all_asset_specs() if spec.partitions_def is None
        ]
        self.defs.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance, asset_selection=rest, tags=tags
        )

    def tick(
        self, instance: dg.DagsterInstance, cursor: Any = None
    ) -> EvaluateAutomationConditionsResult:
        return dg.evaluate_automation_conditions(self.defs, instance, cursor=cursor)


@pytest.fixture
def graph() -> Graph:
    return Graph(Settings())


@pytest.fixture
def instance() -> Any:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        open_log(ephemeral)
        yield ephemeral


def requested(result: EvaluateAutomationConditionsResult) -> set[str]:
    return {each.key.to_user_string() for each in result.results if not each.true_subset.is_empty}


class TestConditions:
    def test_nothing_is_launched_before_there_is_data(
        self, graph: Graph, instance: dg.DagsterInstance
    ) -> None:
        first = graph.tick(instance)
        assert requested(first) == requested(graph.tick(instance, first.cursor)) == set()

    def test_nothing_is_launched_behind_retention_run(
        self, graph: Graph, instance: dg.DagsterInstance
    ) -> None:
        """Whether the daemon looks on from the beginning, in between, or only afterwards."""
        before = graph.tick(instance)
        by_hand = {backlog.BY_HAND: "true"}
        graph.run("new_days", instance, **backlog.range_tags(FIRST, LAST), **by_hand)
        between = graph.tick(instance, before.cursor)
        graph.run_all(instance, **by_hand)
        after, fresh = graph.tick(instance, between.cursor), graph.tick(instance)
        assert requested(between) == requested(after) == requested(fresh) == set()
        assert requested(graph.tick(instance, after.cursor)) == set()

    def test_new_days_bring_everything_up_to_date_but_train_nothing(
        self, graph: Graph, instance: dg.DagsterInstance
    ) -> None:
        graph.run_all(instance)
        before = graph.tick(instance)
        graph.run("new_days", instance, **backlog.range_tags(LAST, LAST))
        after = graph.tick(instance, before.cursor)
        assert requested(after) == FOLLOWERS
        graph.defs.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance,
            asset_selection=[dg.AssetKey.from_user_string(key) for key in FOLLOWERS],
        )
        assert requested(graph.tick(instance, after.cursor)) == set()

    def test_a_failed_blocking_check_holds_everything_back_until_it_passes(
        self, graph: Graph, instance: dg.DagsterInstance
    ) -> None:
        graph.run_all(instance)
        before = graph.tick(instance)
        graph.valid = False
        graph.run("new_days", instance, **backlog.range_tags(LAST, LAST))
        held = graph.tick(instance, before.cursor)
        assert requested(held) == set()
        graph.valid = True
        graph.run("new_days", instance, **backlog.range_tags(LAST, LAST))
        assert requested(graph.tick(instance, held.cursor)) == FOLLOWERS

    def test_a_new_champion_is_deployed_and_scored_with(
        self, graph: Graph, instance: dg.DagsterInstance
    ) -> None:
        graph.run_all(instance)
        before = graph.tick(instance)
        graph.run("training", instance)
        following = requested(graph.tick(instance, before.cursor))
        assert following >= {"serving/champion_deployment", "decisions/churn_scores"}
        assert following.isdisjoint({"serving/online_features", "features/customer_behavior"})

    def test_new_examples_lead_to_a_new_decision(
        self, graph: Graph, instance: dg.DagsterInstance
    ) -> None:
        graph.run_all(instance)
        before = graph.tick(instance)
        graph.run(
            "matured_weeks", instance, **backlog.range_tags(date(2024, 2, 26), date(2024, 2, 26))
        )
        assert requested(graph.tick(instance, before.cursor)) == {"monitoring/retraining_decision"}


class TestNewSourceDays:
    @pytest.fixture(autouse=True)
    def source(self, monkeypatch: pytest.MonkeyPatch) -> list[date]:
        """Days that the source has; each is a file."""
        days = [LAST]

        def changed(
            _profile: Any, seen: dict | None, _as_of: date | None
        ) -> tuple[date, date] | None:
            new = [day for day in days if str(day) not in (seen or {})]
            return (min(new) if seen else FIRST, max(new)) if new else None

        monkeypatch.setattr(
            backlog, "fingerprint", lambda _profile, _as_of: {str(day): 1 for day in days}
        )
        monkeypatch.setattr(backlog, "changed_range", changed)
        monkeypatch.setattr(backlog, "newest_day", lambda _profile, _as_of: max(days))
        return days

    def look(
        self, graph: Graph, instance: dg.DagsterInstance, cursor: str | None = None
    ) -> tuple[Any, str | None]:
        context = dg.build_sensor_context(instance, cursor, definitions=graph.defs)
        said = graph.sensors["new_source_days"](context)
        return (
            (said.run_requests[0], said.cursor)
            if isinstance(said, dg.SensorResult) and said.run_requests
            else (None, cursor)
        )

    def test_reads_the_whole_source_first_then_new_days_and_those_before_them(
        self, graph: Graph, instance: dg.DagsterInstance, source: list[date]
    ) -> None:
        request, cursor = self.look(graph, instance)
        assert request.tags.items() >= backlog.range_tags(FIRST, LAST).items()
        graph.run("new_days", instance, **request.tags)
        nothing, cursor = self.look(graph, instance, cursor)
        assert nothing is None
        source.append(date(2024, 4, 10))
        request, cursor = self.look(graph, instance, cursor)
        assert (
            request.tags.items() >= backlog.range_tags(date(2024, 4, 3), date(2024, 4, 10)).items()
        )

    def test_asks_once_for_one_state_of_the_source_even_when_the_run_fails(
        self, graph: Graph, instance: dg.DagsterInstance
    ) -> None:
        first, cursor = self.look(graph, instance)
        again, _ = self.look(graph, instance, cursor)
        assert first.run_key == again.run_key  # Dagster launches one run a key

    def test_waits_while_new_days_are_being_read(
        self, graph: Graph, instance: dg.DagsterInstance
    ) -> None:
        going = instance.create_run_for_job(
            graph.defs.resolve_job_def("new_days"), status=dg.DagsterRunStatus.STARTED
        )
        assert self.look(graph, instance)[0] is None
        instance.report_run_canceled(going)
        assert self.look(graph, instance)[0] is not None

    def test_does_not_read_again_what_retention_run_has_read(
        self, graph: Graph, instance: dg.DagsterInstance, source: list[date]
    ) -> None:
        backlog.mark_read(instance, backlog.source_now(graph.platform))
        assert self.look(graph, instance)[0] is None
        source.append(date(2024, 4, 10))
        assert self.look(graph, instance)[0] is not None

    def test_another_source_in_the_same_home_is_read_from_its_start(
        self, graph: Graph, instance: dg.DagsterInstance
    ) -> None:
        backlog.mark_read(instance, backlog.source_now(graph.platform) | {"profile": "another"})
        assert self.look(graph, instance)[0].tags.items() >= backlog.range_tags(FIRST, LAST).items()


class TestMaturedWeeks:
    def look(self, graph: Graph, instance: dg.DagsterInstance) -> Any:
        return graph.sensors["matured_weeks"](
            dg.build_sensor_context(instance, definitions=graph.defs)
        )

    def test_fills_the_weeks_that_have_matured_and_no_others(
        self, graph: Graph, instance: dg.DagsterInstance
    ) -> None:
        assert isinstance(self.look(graph, instance), dg.SkipReason)
        graph.run("new_days", instance, **backlog.range_tags(LAST, LAST))
        request = self.look(graph, instance)
        # 28 days of history, then a label 14 + 30 + 7 days later, by the end of 9 April.
        assert (
            request.tags.items() >= backlog.range_tags(date(2024, 1, 29), date(2024, 2, 19)).items()
        )
        graph.run("matured_weeks", instance, **request.tags)
        assert isinstance(self.look(graph, instance), dg.SkipReason)


class TestRetraining:
    def look(self, graph: Graph, instance: dg.DagsterInstance) -> Any:
        return graph.sensors["retraining"](
            dg.build_sensor_context(instance, definitions=graph.defs)
        )

    def decide(
        self, graph: Graph, instance: dg.DagsterInstance, retrain: bool, reason: str
    ) -> None:
        graph.metadata["monitoring/retraining_decision"] = {"retrain": retrain, "reason": reason}
        graph.run("weekly_review", instance)

    def test_no_decision_no_training(self, graph: Graph, instance: dg.DagsterInstance) -> None:
        assert isinstance(self.look(graph, instance), dg.SkipReason)

    def test_the_reason_against_training_is_shown(
        self, graph: Graph, instance: dg.DagsterInstance
    ) -> None:
        self.decide(graph, instance, False, "Cool-down")
        assert self.look(graph, instance).skip_message == "Cool-down"

    def test_one_decision_one_training(self, graph: Graph, instance: dg.DagsterInstance) -> None:
        self.decide(graph, instance, True, "Drift")
        first, again = self.look(graph, instance), self.look(graph, instance)
        assert first.run_key == again.run_key
        self.decide(graph, instance, True, "Drift")
        assert self.look(graph, instance).run_key != first.run_key

    def test_drift_and_schedule_on_one_day_start_one_training(
        self, graph: Graph, instance: dg.DagsterInstance
    ) -> None:
        self.decide(graph, instance, True, "Drift")
        request = self.look(graph, instance)
        training = graph.defs.resolve_job_def("training")
        going = instance.create_run_for_job(
            training, tags=request.tags, status=dg.DagsterRunStatus.STARTED
        )
        self.decide(graph, instance, True, "The last training was 7 days ago")
        assert "going on" in self.look(graph, instance).skip_message
        instance.report_run_canceled(going)

    def test_waits_for_retention_run_also_between_its_runs_and_not_for_a_killed_one(
        self, graph: Graph, instance: dg.DagsterInstance
    ) -> None:
        self.decide(graph, instance, True, "Drift")
        with backlog.held(instance):
            assert isinstance(self.look(graph, instance), dg.SkipReason)
        assert isinstance(self.look(graph, instance), dg.RunRequest)
        write_state(instance, backlog.HOLDER, {"pid": 2**22 + 1, "started": 0.0})
        assert isinstance(self.look(graph, instance), dg.RunRequest)


class TestAlerts:
    def test_a_failed_run_is_reported_with_what_went_wrong(
        self, graph: Graph, instance: dg.DagsterInstance, capfd: Any
    ) -> None:
        graph.valid = False

        @dg.op
        def breaks() -> None:
            raise ValueError("out of disk")

        @dg.job
        def nightly() -> None:
            breaks()

        result = nightly.execute_in_process(instance=instance, raise_on_error=False)
        context = dg.build_run_status_sensor_context(
            "failed_runs",
            result.get_run_failure_event(),
            instance,
            result.dagster_run,
            resources={"alerts": Alerts(urls=[])},
        ).for_run_failure()
        graph.sensors["failed_runs"](context)
        assert "ALERT Run failed: nightly" in capfd.readouterr().err

    def test_a_stale_asset_is_reported_once(
        self, graph: Graph, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent: list[str] = []
        monkeypatch.setattr(
            Alerts, "send", lambda _self, title, body, log: sent.append(f"{title}: {body}")
        )
        key = dg.AssetKey(["decisions", "churn_scores"])
        monkeypatch.setattr(
            type(instance),
            "get_freshness_state_records",
            lambda _self, keys: {key: SimpleNamespace(freshness_state="FAIL")},
        )
        context = dg.build_sensor_context(
            instance, resources={"alerts": Alerts(urls=[])}, definitions=graph.defs
        )
        graph.sensors["stale_assets"](context)
        graph.sensors["stale_assets"](context)
        assert sent == ["Stale: decisions/churn_scores: not materialized in time."]


class TestSwitch:
    def test_everything_runs_by_default(self, graph: Graph) -> None:
        assert set(graph.sensors) == {
            "new_source_days", "matured_weeks", "retraining", "stale_assets", "failed_runs", "conditions"
        }  # fmt: skip
        assert {sensor.default_status for sensor in graph.sensors.values()} == {
            dg.DefaultSensorStatus.RUNNING
        }
        assert [schedule.default_status for schedule in graph.schedules] == [
            dg.DefaultScheduleStatus.RUNNING
        ]
        specs = {spec.key.to_user_string(): spec for spec in graph.defs.resolve_all_asset_specs()}
        assert {key for key, spec in specs.items() if spec.automation_condition} == FOLLOWERS | {
            "validated/watermark"
        }
        assert {key for key, spec in specs.items() if spec.freshness_policy} == set(
            automation.SERVES
        )

    def test_one_setting_turns_all_off(self) -> None:
        graph = Graph(Settings(clock_enabled=False))
        assert graph.sensors == {}
        assert graph.schedules == []
        assert not any(spec.automation_condition for spec in graph.defs.resolve_all_asset_specs())
