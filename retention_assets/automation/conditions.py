"""The platform's clock on one screen: partitions, freshness policies, conditions, jobs, schedules, sensors.

Nothing here reads data or trains: a sensor compares what it last saw with what it sees, asks for a run, and ends.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import dagster as dg

from retention_assets.automation import backlog
from retention_assets.platform import Platform
from retention_assets.resources.alerts import Alerts

AC = dg.AutomationCondition
DECISION = dg.AssetKey(["monitoring", "retraining_decision"])
# What somebody reads or calls: made more than a day ago it is suspect, more than two days ago it fails.
SERVES = ("serving/online_features", "serving/champion_deployment", "decisions/churn_scores")
FRESH = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=2), warn_window=timedelta(days=1))
# Stages whose unpartitioned assets follow their inputs by themselves; training waits for a decision instead.
FOLLOWING = ("validated", "features", "decisions", "serving", "monitoring")
WEEKLY = "0 6 * * 1"
ATTEMPTS = 3  # at the same days or weeks: a fault that three runs meet needs a person or other data


def follows_data(
    partitioned: dg.AssetSelection, silent: dg.AssetSelection
) -> dg.AutomationCondition:
    """Eager, but behind passed blocking checks, not behind `retention run`, and not waiting for days yet to come.

    An update of the `silent` assets launches nothing: of new days the watermark tells, which is made last.
    """
    updated = (
        AC.newly_updated()
        & ~AC.executed_with_root_target()
        & ~AC.all_new_updates_have_run_tags(tag_keys={backlog.BY_HAND})
    )
    missing = AC.any_deps_match(AC.missing() & ~AC.will_be_requested()).ignore(partitioned)
    return (
        AC.any_deps_match(updated.with_label("updated_by_the_clock") | AC.will_be_requested())
        .ignore(silent)
        .since_last_handled()
        & ~missing.with_label("any_unpartitioned_dep_missing")
        & ~AC.any_deps_in_progress()
        & ~AC.in_progress()
        & AC.all_deps_blocking_checks_passed()
    ).with_label("follows_data")


def keys_of(
    assets: Iterable[dg.AssetsDefinition], partitions: dg.PartitionsDefinition
) -> list[dg.AssetKey]:
    return sorted(
        spec.key for asset in assets for spec in asset.specs if spec.partitions_def == partitions
    )


def on_the_clock(
    assets: Sequence[dg.AssetsDefinition], platform: Platform
) -> list[dg.AssetsDefinition]:
    """The stages' assets with their conditions and freshness policies: the one place where either is attached."""
    days = dg.AssetSelection.assets(*keys_of(assets, platform.partitions.daily))
    partitioned = days | dg.AssetSelection.assets(*keys_of(assets, platform.partitions.weekly))
    follows, follows_days = (
        follows_data(partitioned, silent=days),
        follows_data(partitioned, silent=dg.AssetSelection.assets()),
    )

    def timed(spec: dg.AssetSpec) -> dg.AssetSpec:
        on = (
            platform.settings.clock_enabled
            and spec.partitions_def is None
            and spec.key.path[0] in FOLLOWING
        )
        condition = (follows_days if spec.key == backlog.WATERMARK else follows) if on else None
        fresh = FRESH if spec.key.to_user_string() in SERVES else None
        return spec.replace_attributes(automation_condition=condition, freshness_policy=fresh)

    return [asset.map_asset_specs(timed) for asset in assets]


def retention_jobs(assets: Sequence[dg.AssetsDefinition], platform: Platform) -> dict[str, Any]:
    """What the clock and `retention run` launch by name."""
    selections = {
        "new_days": dg.AssetSelection.assets(
            *keys_of(assets, platform.partitions.daily), backlog.WATERMARK
        ),
        "matured_weeks": dg.AssetSelection.assets(backlog.EXAMPLES),
        "training": dg.AssetSelection.groups("training")
        - dg.AssetSelection.assets(backlog.EXAMPLES),
        "weekly_review": dg.AssetSelection.assets("monitoring/feature_drift", DECISION),
    }
    return {name: dg.define_asset_job(name, selection) for name, selection in selections.items()}


def retention_schedules(jobs: dict[str, Any], platform: Platform) -> list[dg.ScheduleDefinition]:
    """Every Monday the champion is looked at, even where nothing arrived: the same decision as after new data."""
    running = dg.DefaultScheduleStatus.RUNNING
    weekly = dg.ScheduleDefinition(
        job=jobs["weekly_review"], cron_schedule=WEEKLY, default_status=running
    )
    return [weekly] if platform.settings.clock_enabled else []


def retention_sensors(jobs: dict[str, Any], platform: Platform) -> list[dg.SensorDefinition]:
    """Every sensor, running from the start; none where the clock is off."""
    every: Any = {
        "default_status": dg.DefaultSensorStatus.RUNNING,
        "minimum_interval_seconds": platform.settings.sensor_interval_s,
    }

    @dg.sensor(job=jobs["new_days"], **every)
    def new_source_days(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        """Reads source days that are new or changed, and the days before them for late rows."""
        asked = json.loads(context.cursor) if context.cursor else None
        if asked and backlog.has_succeeded(context.instance, backlog.digest(asked)):
            backlog.mark_read(context.instance, asked)
        days = backlog.days_to_read(platform, context.instance)
        if days is None or backlog.in_flight(context.instance, "new_days"):
            return dg.SkipReason("New days are being read." if days else "No new source file.")
        now = backlog.source_now(platform)
        tags = backlog.range_tags(*days) | {backlog.ARRIVALS: backlog.digest(now)}
        failed = backlog.failures(context.instance, "new_days", tags)
        if failed >= ATTEMPTS:
            return dg.SkipReason(
                f"Reading these files failed {failed} times; it is tried again when they change."
            )
        return dg.SensorResult(
            [dg.RunRequest(f"{backlog.digest(now)}:{failed}", tags=tags)], cursor=json.dumps(now)
        )

    @dg.sensor(job=jobs["matured_weeks"], **every)
    def matured_weeks(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        """Makes training examples of the weeks whose label window has closed and been reported."""
        weeks = backlog.weeks_to_fill(platform, context.instance)
        if not weeks or backlog.in_flight(context.instance):
            return dg.SkipReason(
                "Other runs come first." if weeks else "No week has matured since."
            )
        tags = backlog.range_tags(weeks[0], weeks[-1])
        failed = backlog.failures(context.instance, "matured_weeks", tags)
        if failed >= ATTEMPTS:
            return dg.SkipReason(
                f"These weeks failed {failed} times; they are tried again with the next one that matures."
            )
        return dg.RunRequest(f"{platform.profile.name}:{weeks[0]}:{weeks[-1]}:{failed}", tags=tags)

    @dg.sensor(job=jobs["training"], **every)
    def retraining(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        """Trains when the latest retraining decision says so: once a decision, and never two at a time."""
        decisions = context.instance.fetch_materializations(DECISION, limit=1).records
        if not decisions:
            return dg.SkipReason("No decision yet.")
        said = backlog.metadata_of(context.instance, DECISION)
        if not said["retrain"] or backlog.in_flight(context.instance, "training"):
            return dg.SkipReason(
                "A training is going on." if said["retrain"] else str(said["reason"])
            )
        return dg.RunRequest(
            f"decision-{decisions[0].storage_id}",
            tags={"retention/reason": str(said["reason"])[:200]},
        )

    @dg.sensor(**every)
    def stale_assets(context: dg.SensorEvaluationContext, alerts: dg.ResourceParam[Alerts]) -> None:
        """Alerts once when an asset that serves fails its freshness policy."""
        states = context.instance.get_freshness_state_records(
            [dg.AssetKey.from_user_string(key) for key in SERVES]
        )
        stale = sorted(
            key.to_user_string()
            for key, record in states.items()
            if record.freshness_state == "FAIL"
        )
        if new := sorted(set(stale) - set(json.loads(context.cursor or "[]"))):
            alerts.send(
                "Stale", f"{', '.join(new)}: not materialized in time.", context.log.warning
            )
        context.update_cursor(json.dumps(stale))

    @dg.run_failure_sensor(**every)
    def failed_runs(context: dg.RunFailureSensorContext, alerts: dg.ResourceParam[Alerts]) -> None:
        """Alerts of every failed run, with what it says went wrong."""
        run = context.dagster_run
        alerts.send(
            "Run failed",
            f"{run.job_name} {run.run_id[:8]}: {context.failure_event.message}",
            context.log.warning,
        )

    conditions = dg.AutomationConditionSensorDefinition(
        "conditions", target=dg.AssetSelection.all(), **every
    )
    sensors = [new_source_days, matured_weeks, retraining, stale_assets, failed_runs, conditions]
    return sensors if platform.settings.clock_enabled else []
