"""Sensors, one per file. A sensor compares two states and requests a run; it computes nothing.

A tick must end within 60 seconds, so no sensor imports Spark or MLflow.
"""

import dagster as dg

from retention_assets.automation.conditions import condition_sensor
from retention_assets.automation.jobs import Jobs
from retention_assets.automation.sensors import (
    failed_runs,
    matured_weeks,
    new_source_days,
    retraining,
    stale_assets,
    stopped_stream,
    undeployed_champion,
)
from retention_assets.platform import Platform


def retention_sensors(jobs: Jobs, platform: Platform) -> list[dg.SensorDefinition]:
    """Every sensor, running from the start; none if automation is turned off."""
    if not platform.settings.clock_enabled:
        return []
    return [
        new_source_days.new_source_days(jobs, platform),
        matured_weeks.matured_weeks(jobs, platform),
        retraining.retraining(jobs, platform),
        undeployed_champion.undeployed_champion(jobs, platform),
        stale_assets.stale_assets(platform),
        failed_runs.failed_runs(platform),
        condition_sensor(platform),
        *([stopped_stream.stopped_stream(platform)] if platform.settings.stream else []),
    ]
