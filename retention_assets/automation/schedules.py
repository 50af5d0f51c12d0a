"""Schedules: what is started by the time of day."""

import dagster as dg

from retention_assets.automation.jobs import WEEKLY_REVIEW, Jobs
from retention_assets.platform import Platform

MONDAY_MORNING = "0 6 * * 1"


def retention_schedules(jobs: Jobs, platform: Platform) -> list[dg.ScheduleDefinition]:
    """Every schedule; none if automation is turned off.

    The weekly review decides about retraining also in a week without new data.
    """
    if not platform.settings.clock_enabled:
        return []
    return [
        dg.ScheduleDefinition(
            job=jobs[WEEKLY_REVIEW],
            cron_schedule=MONDAY_MORNING,
            default_status=dg.DefaultScheduleStatus.RUNNING,
        )
    ]
