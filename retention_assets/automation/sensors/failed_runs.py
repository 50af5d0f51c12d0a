"""Alerts of failed runs."""

import dagster as dg

from retention_assets.platform import Platform
from retention_assets.resources.alerts import Alerts


def failed_runs(platform: Platform) -> dg.SensorDefinition:
    @dg.run_failure_sensor(
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=platform.settings.sensor_interval_s,
    )
    def failed_runs(context: dg.RunFailureSensorContext, alerts: dg.ResourceParam[Alerts]) -> None:
        """Alerts of every failed run, with its error."""
        run = context.dagster_run
        message = f"{run.job_name} {run.run_id[:8]}: {context.failure_event.message}"
        alerts.send("Run failed", message, context.log.warning)

    return failed_runs
