"""Reads new source files."""

import time

import dagster as dg

from retention_assets import keys
from retention_assets.automation import backlog
from retention_assets.automation.contract import claim, reason_to_wait
from retention_assets.automation.jobs import NEW_DAYS, Jobs
from retention_assets.automation.manual_run import manual_run_active
from retention_assets.platform import Platform
from retention_assets.resources.metadata import asset_key
from retention_assets.sources.ledger import vanished_entries


def new_source_days(jobs: Jobs, platform: Platform) -> dg.SensorDefinition:
    @dg.sensor(
        job=jobs[NEW_DAYS],
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=platform.settings.sensor_interval_s,
    )
    def new_source_days(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        """Reads source files that are new or changed, and whose day is over.

        A file that is still being written waits, and does not hold up the others.
        """
        instance = context.instance
        if manual_run_active(instance) or backlog.run_in_flight(instance, NEW_DAYS):
            return dg.SkipReason("New days are being read.")
        if reason := reason_to_wait(platform):
            return dg.SkipReason(reason)
        look = backlog.look_at_source(platform, instance)
        complete, growing = backlog.note_growing(platform, look, now=time.time())
        waits = f" Still being written: {', '.join(growing)}." if growing else ""
        forgotten = look.state.forgotten
        days = backlog.days_to_read(platform, look, complete)
        if days is None:
            return _update_of_ledger(look) or dg.SkipReason(f"No new source file.{waits}")
        arrivals = backlog.files_digest(complete, forgotten)
        tags = backlog.range_tags(*days) | {backlog.ARRIVALS: arrivals}
        failed = backlog.failures(instance, NEW_DAYS, tags)
        if failed >= backlog.ATTEMPTS:
            return dg.SkipReason(
                f"Reading these files failed {failed} times. They are read again when they change."
            )
        claim(platform)
        return dg.RunRequest(f"{arrivals}:{look.content.entries}:{failed}", tags=tags)

    return new_source_days


def _update_of_ledger(look: backlog.Look) -> dg.RunRequest | None:
    """A run that writes down which files have vanished, if the ledger does not say so yet."""
    if not vanished_entries(look.state.vanished, look.content):
        return None
    return dg.RunRequest(
        f"vanished:{look.content.entries}", asset_selection=[asset_key(keys.SOURCE_FILES)]
    )
