"""Reads new source files."""

import json

import dagster as dg

from retention_assets.automation import backlog
from retention_assets.automation.jobs import NEW_DAYS, Jobs
from retention_assets.automation.manual_run import manual_run_active
from retention_assets.platform import Platform


def new_source_days(jobs: Jobs, platform: Platform) -> dg.SensorDefinition:
    @dg.sensor(
        job=jobs[NEW_DAYS],
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=platform.settings.sensor_interval_s,
    )
    def new_source_days(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        """Reads source days that are new or changed, and the days before them for late rows."""
        instance = context.instance
        requested = json.loads(context.cursor) if context.cursor else None
        if requested and backlog.has_succeeded(instance, _arrivals(requested)):
            backlog.mark_read(instance, requested)
        days = backlog.days_to_read(platform, instance)
        if days is None:
            return dg.SkipReason("No new source file.")
        if manual_run_active(instance) or backlog.run_in_flight(instance, NEW_DAYS):
            return dg.SkipReason("New days are being read.")
        source = backlog.source_now(platform)
        tags = backlog.range_tags(*days) | _arrivals(source)
        failed = backlog.failures(instance, NEW_DAYS, tags)
        if failed >= backlog.ATTEMPTS:
            return dg.SkipReason(
                f"Reading these files failed {failed} times. They are read again when they change."
            )
        run_key = f"{backlog.digest(source)}:{failed}"
        return dg.SensorResult([dg.RunRequest(run_key, tags=tags)], cursor=json.dumps(source))

    return new_source_days


def _arrivals(source: dict) -> dict[str, str]:
    return {backlog.ARRIVALS: backlog.digest(source)}
