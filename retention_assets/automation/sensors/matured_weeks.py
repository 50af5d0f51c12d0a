"""Makes training examples of matured weeks."""

import dagster as dg

from retention_assets.automation import backlog
from retention_assets.automation.contract import reason_to_wait
from retention_assets.automation.jobs import MATURED_WEEKS, Jobs
from retention_assets.automation.manual_run import manual_run_active
from retention_assets.platform import Platform


def matured_weeks(jobs: Jobs, platform: Platform) -> dg.SensorDefinition:
    @dg.sensor(
        job=jobs[MATURED_WEEKS],
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=platform.settings.sensor_interval_s,
    )
    def matured_weeks(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        """Makes training examples of the weeks whose labels have become final."""
        instance = context.instance
        weeks = backlog.weeks_to_fill(platform, instance)
        if not weeks:
            return dg.SkipReason("No further week has matured.")
        if manual_run_active(instance) or backlog.run_in_flight(instance):
            return dg.SkipReason("Waiting for the runs that are queued or active.")
        if reason := reason_to_wait(platform):
            return dg.SkipReason(reason)
        tags = backlog.range_tags(weeks[0], weeks[-1])
        failed = backlog.failures(instance, MATURED_WEEKS, tags)
        if failed >= backlog.ATTEMPTS:
            return dg.SkipReason(
                f"These weeks failed {failed} times."
                " They are tried again together with the next week that matures."
            )
        run_key = f"{platform.profile.name}:{weeks[0]}:{weeks[-1]}:{failed}"
        return dg.RunRequest(run_key, tags=tags)

    return matured_weeks
