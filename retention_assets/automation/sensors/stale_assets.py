"""Alerts when an asset that serves becomes stale."""

import json

import dagster as dg

from retention_assets.automation.conditions import ALERTED
from retention_assets.platform import Platform
from retention_assets.resources.alerts import Alerts
from retention_assets.resources.metadata import asset_key


def stale_assets(platform: Platform) -> dg.SensorDefinition:
    @dg.sensor(
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=platform.settings.sensor_interval_s,
    )
    def stale_assets(context: dg.SensorEvaluationContext, alerts: dg.ResourceParam[Alerts]) -> None:
        """Alerts once when an asset that serves fails its freshness policy.

        Its automation condition starts the run that makes it fresh again.
        """
        states = context.instance.get_freshness_state_records([asset_key(key) for key in ALERTED])
        stale = sorted(
            key.to_user_string()
            for key, record in states.items()
            if record.freshness_state == "FAIL"
        )
        known = json.loads(context.cursor or "[]")
        if new := sorted(set(stale) - set(known)):
            message = f"{', '.join(new)}: not materialized in time."
            alerts.send("Stale", message, context.log.warning)
        context.update_cursor(json.dumps(stale))

    return stale_assets
