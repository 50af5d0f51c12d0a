"""A small graph with the platform's keys and empty bodies, and automation attached to it."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import dagster as dg
import pyarrow as pa
from dagster._core.definitions.declarative_automation.automation_condition_tester import (
    EvaluateAutomationConditionsResult,
)

from retention_assets import keys
from retention_assets.automation import backlog
from retention_assets.automation.conditions import with_automation
from retention_assets.automation.jobs import retention_jobs
from retention_assets.automation.schedules import retention_schedules
from retention_assets.automation.sensors import retention_sensors
from retention_assets.partitions import partitions_of
from retention_assets.platform import Platform
from retention_assets.resources.alerts import Alerts
from retention_assets.resources.deployer import Deployer
from retention_assets.resources.metadata import asset_key
from retention_assets.resources.small_tables import (
    append_small,
    set_table_properties,
    table_properties,
)
from retention_assets.settings import Settings
from retention_assets.sources.profile import Profile
from retention_assets.training.filled_weeks import FILLED_WEEKS, with_filled

FIRST = date(2024, 1, 1)
LAST = date(2024, 4, 9)
PROFILE = {
    "name": "test",
    "start": FIRST,
    "end": date(2024, 12, 31),
    "churn": {"kind": "inactivity", "horizon_days": 30, "reporting_lag_days": 7},
    "tables": {
        "customers": {"path": "customers/*.csv", "day_from_filename": r"(\d{4}-\d{2}-\d{2})"}
    },
}
DAILY = "daily"
WEEKLY = "weekly"
# Key, inputs, partitions.
ASSETS = (
    ("raw/customers", (), DAILY),
    ("raw/source_files", ("raw/customers",), None),
    ("validated/customers", ("raw/customers",), DAILY),
    ("validated/watermark", ("validated/customers",), None),
    ("features/daily_activity", ("validated/customers",), DAILY),
    ("features/customer_behavior", ("features/daily_activity", "validated/watermark"), None),
    ("training/churn_examples", ("features/daily_activity", "validated/watermark"), WEEKLY),
    ("training/churn_xgboost", ("training/churn_examples",), None),
    ("training/churn_champion", ("training/churn_xgboost",), None),
    ("training/test_periods", ("training/churn_champion",), None),
    (
        "value/customer_segments",
        ("features/daily_activity", "features/customer_behavior", "validated/watermark"),
        None,
    ),
    (
        "serving/online_features",
        ("features/customer_behavior", "value/customer_segments"),
        None,
    ),
    (
        "serving/champion_deployment",
        ("training/churn_champion", "serving/online_features"),
        None,
    ),
    (
        "decisions/churn_scores",
        ("training/churn_champion", "features/customer_behavior", "value/customer_segments"),
        None,
    ),
    ("monitoring/feature_drift", ("training/churn_champion", "features/customer_behavior"), None),
    (
        "monitoring/retraining_decision",
        ("monitoring/feature_drift", "training/churn_examples"),
        None,
    ),
)
# What new days lead to, by automation conditions.
FOLLOWERS = {
    "features/customer_behavior",
    "value/customer_segments",
    "serving/online_features",
    "serving/champion_deployment",
    "decisions/churn_scores",
    "monitoring/feature_drift",
    "monitoring/retraining_decision",
}


class Graph:
    """`metadata` is what an asset reports, `broken` holds the keys of assets that raise, and the
    blocking check of validated/customers passes while `valid` is true.
    """

    def __init__(self, settings: Settings) -> None:
        root = settings.home / "source"
        profile = Profile.model_validate(PROFILE | {"root": root})
        self.platform = Platform(settings, profile, partitions_of(FIRST, profile.end))
        watermark = {"watermark": str(LAST), "labels_through": str(LAST)}
        self.metadata: dict[str, dict[str, Any]] = {"validated/watermark": watermark}
        self.valid = True
        self.deployer = Deployer.of(settings)
        self.broken: set[str] = set()
        assets = with_automation([self.asset(*row) for row in ASSETS], self.platform)
        jobs = retention_jobs(assets, self.platform)
        sensors = retention_sensors(jobs, self.platform)
        self.sensors: dict[str, Any] = {sensor.name: sensor for sensor in sensors}
        self.schedules = retention_schedules(jobs, self.platform)
        self.defs = dg.Definitions(
            assets,
            asset_checks=[self.blocking_check()],
            jobs=list(jobs.values()),
            sensors=sensors,
            schedules=self.schedules,
            executor=dg.in_process_executor,
            resources={"alerts": Alerts(urls=[]), "deployer": self.deployer},
        )

    def asset(self, key: str, deps: tuple[str, ...], kind: str | None) -> dg.AssetsDefinition:
        partitions = getattr(self.platform.partitions, kind) if kind else None

        @dg.asset(
            key=key.split("/"),
            deps=[dep.split("/") for dep in deps],
            partitions_def=partitions,
            group_name=key.split("/")[0],
            backfill_policy=dg.BackfillPolicy.single_run() if partitions else None,
        )
        def body(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
            if key in self.broken:
                raise ValueError(f"{key} is broken")
            if key == keys.CHURN_EXAMPLES:
                self.fill_weeks(context.partition_keys)
            return dg.MaterializeResult(metadata=self.metadata.get(key, {}))

        return body

    def fill_weeks(self, weeks: Sequence[str]) -> None:
        """Writes down that the examples of these weeks were made."""
        root = self.platform.settings.lake_root
        append_small(root, keys.CHURN_EXAMPLES, pa.table({"as_of": list(weeks)}))
        filled = table_properties(root, keys.CHURN_EXAMPLES).get(FILLED_WEEKS)
        mondays = [date.fromisoformat(week) for week in weeks]
        new = with_filled(filled, mondays, mondays[0], mondays[-1])
        set_table_properties(root, keys.CHURN_EXAMPLES, {FILLED_WEEKS: new})

    def blocking_check(self) -> dg.AssetChecksDefinition:
        @dg.asset_check(asset=["validated", "customers"], blocking=True)
        def rows_in_equal_rows_out() -> dg.AssetCheckResult:
            return dg.AssetCheckResult(passed=self.valid)

        return rows_in_equal_rows_out

    def run(self, job: str, instance: dg.DagsterInstance, **tags: str) -> dg.ExecuteInProcessResult:
        """Runs a job by name, and returns its result whether it succeeded or not."""
        return self.defs.resolve_job_def(job).execute_in_process(
            instance=instance, tags=tags, raise_on_error=False
        )

    def materialize(
        self, instance: dg.DagsterInstance, names: set[str], **tags: str
    ) -> dg.ExecuteInProcessResult:
        """Materializes unpartitioned assets in one run."""
        return self.defs.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance,
            asset_selection=[asset_key(name) for name in names],
            tags=tags,
            raise_on_error=False,
        )

    def run_all(self, instance: dg.DagsterInstance, **tags: str) -> None:
        """As `retention run` does: days, weeks, and then everything else."""
        weeks = backlog.range_tags(date(2024, 2, 5), date(2024, 2, 19))
        self.run("new_days", instance, **backlog.range_tags(FIRST, LAST), **tags)
        self.run("matured_weeks", instance, **weeks, **tags)
        self.materialize(instance, {key for key, _, kind in ASSETS if kind is None}, **tags)

    def evaluate(self, name: str, instance: dg.DagsterInstance, cursor: Any = None) -> Any:
        """One tick of a sensor: a SensorResult, RunRequest or SkipReason."""
        needed = self.sensors[name].required_resource_keys
        resources = {"deployer": self.deployer} if "deployer" in needed else {}
        context = dg.build_sensor_context(
            instance, cursor, definitions=self.defs, resources=resources
        )
        return self.sensors[name](context)

    def start(self, job: str, instance: dg.DagsterInstance, request: Any = None) -> dg.DagsterRun:
        """A run that was launched and has not ended, as it is left by a killed process."""
        tags = request.tags if request else {}
        definition = self.defs.resolve_job_def(job)
        return instance.create_run_for_job(
            definition, tags=tags, status=dg.DagsterRunStatus.STARTED
        )

    def tick(
        self, instance: dg.DagsterInstance, cursor: Any = None
    ) -> EvaluateAutomationConditionsResult:
        """One evaluation of all automation conditions."""
        return dg.evaluate_automation_conditions(self.defs, instance, cursor=cursor)


def requested(result: EvaluateAutomationConditionsResult) -> set[str]:
    """Keys of the assets that an evaluation requests."""
    return {
        evaluation.key.to_user_string()
        for evaluation in result.results
        if not evaluation.true_subset.is_empty
    }
