"""What is still to do: source days not yet read, matured weeks without examples, runs that failed.

Sensors and `retention run` ask the same functions, so neither repeats the other's work. Starts no
run.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import dagster as dg

from retention_assets import keys
from retention_assets.platform import Platform
from retention_assets.resources.metadata import asset_key
from retention_assets.services.instance import read_state, write_state
from retention_assets.sources.source_files import changed_range, fingerprint, newest_day
from retention_assets.training.task import matured_mondays

ARRIVALS = "retention/arrivals"  # tag: digest of the source files that a run reads
SOURCE_READ = "arrivals"  # name of the state that holds the source as it was last read
ATTEMPTS = 3  # a fault that three runs meet needs a person or other data
IN_FLIGHT = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def source_now(platform: Platform) -> dict[str, Any]:
    """The source's current state: its profile, up to which day it is read, its files by day."""
    profile = platform.profile.model_dump(mode="json", exclude={"root", "description", "end"})
    return {
        "profile": digest(profile),
        "as_of": str(platform.settings.as_of or ""),
        "files": fingerprint(platform.profile, platform.settings.as_of),
    }


def source_read(platform: Platform, instance: dg.DagsterInstance) -> dict[str, Any] | None:
    """The source's state when it was last read. None: it was never read, or another source was."""
    source = read_state(instance, SOURCE_READ)
    return source if source and source["profile"] == source_now(platform)["profile"] else None


def mark_read(instance: dg.DagsterInstance, source: Mapping[str, Any]) -> None:
    """Records that this state of the source has been read."""
    write_state(instance, SOURCE_READ, dict(source))


def digest(values: Mapping[str, Any]) -> str:
    """16 hexadecimal digits that change with the values."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def days_to_read(platform: Platform, instance: dg.DagsterInstance) -> tuple[date, date] | None:
    """First and last day of new or changed files, late rows included. None: nothing is new."""
    source = source_read(platform, instance)
    files = source["files"] if source else None
    changed = changed_range(platform.profile, files, platform.settings.as_of)
    if changed is None:
        return None
    earliest = changed[0] - timedelta(days=platform.settings.late_arrival_days)
    first = max(earliest, platform.profile.start)
    last = min(changed[1], last_day(platform))
    return (first, last) if first <= last else None


def last_day(platform: Platform) -> date:
    """The newest day that the source has and that has a partition: today gets one tomorrow."""
    newest = newest_day(platform.profile, platform.settings.as_of) or platform.profile.start
    partition = platform.partitions.daily.get_last_partition_key()
    return min(newest, date.fromisoformat(partition)) if partition else newest


def watermark(instance: dg.DagsterInstance) -> date | None:
    """The last closed day of the data. None: no data has been read yet."""
    value = metadata_of(instance, keys.WATERMARK).get("watermark")
    return date.fromisoformat(str(value)) if value else None


def matured_weeks(platform: Platform, instance: dg.DagsterInstance) -> list[date]:
    """As-of Mondays whose labels are final at the watermark."""
    day = watermark(instance)
    return matured_mondays(platform.profile, platform.settings, day) if day else []


def weeks_to_fill(platform: Platform, instance: dg.DagsterInstance) -> list[date]:
    """As-of Mondays whose labels are final at the watermark and that have no examples yet."""
    filled = instance.get_materialized_partitions(asset_key(keys.CHURN_EXAMPLES))
    return [monday for monday in matured_weeks(platform, instance) if str(monday) not in filled]


def metadata_of(instance: dg.DagsterInstance, key: str) -> dict[str, Any]:
    """Plain values of an asset's latest materialization; empty if there is none."""
    event = instance.get_latest_materialization_event(asset_key(key))
    materialization = event.asset_materialization if event else None
    if materialization is None:
        return {}
    return {name: value.value for name, value in materialization.metadata.items()}


def range_tags(first: date, last: date) -> dict[str, str]:
    """Tags that make one run materialize a range of partitions."""
    return {
        "dagster/asset_partition_range_start": str(first),
        "dagster/asset_partition_range_end": str(last),
    }


def run_in_flight(instance: dg.DagsterInstance, job: str | None = None) -> bool:
    """Whether a run is queued or active: one of the job, or any run if no job is named."""
    return instance.get_runs_count(dg.RunsFilter(job_name=job, statuses=IN_FLIGHT)) > 0


def failures(instance: dg.DagsterInstance, job: str, tags: Mapping[str, str]) -> int:
    """How many runs of the job with these tags failed.

    Sensors make it a part of the run key: Dagster launches a run key only once, and a failed run
    is to be tried again.
    """
    failed = [dg.DagsterRunStatus.FAILURE]
    return instance.get_runs_count(dg.RunsFilter(job_name=job, tags=dict(tags), statuses=failed))


def has_succeeded(instance: dg.DagsterInstance, tags: Mapping[str, str]) -> bool:
    """Whether a run with these tags has succeeded."""
    succeeded = [dg.DagsterRunStatus.SUCCESS]
    return instance.get_runs_count(dg.RunsFilter(tags=dict(tags), statuses=succeeded)) > 0
