"""What the lake still lacks: source days not yet read, matured weeks not yet filled, and which runs are under way.

The clock and `retention run` ask the same questions here, so that neither redoes what the other did. Starts no run.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import dagster as dg
import psutil

from retention_assets.modeling.label_window import matured_mondays
from retention_assets.platform import Platform
from retention_assets.services.instance import read_state, write_state
from retention_assets.sources.source_files import changed_range, fingerprint, newest_day

WATERMARK, EXAMPLES = (
    dg.AssetKey(["validated", "watermark"]),
    dg.AssetKey(["training", "churn_examples"]),
)
BY_HAND = "retention/by_hand"  # tag of the runs of `retention run`, which makes all that follows by itself
ARRIVALS = "retention/arrivals"  # tag: digest of the source files that a run brings in
READ, HOLDER = "arrivals", "by_hand"  # names of the shared facts
IN_FLIGHT = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


def source_now(platform: Platform) -> dict[str, Any]:
    """The source as it lies there: its profile, up to which day it is read, and its files by day."""
    return {
        "profile": digest(
            platform.profile.model_dump(mode="json", exclude={"root", "description", "end"})
        ),
        "as_of": str(platform.settings.as_of or ""),
        "files": fingerprint(platform.profile, platform.settings.as_of),
    }


def source_read(platform: Platform, instance: dg.DagsterInstance) -> dict[str, Any] | None:
    """The source as it was when it was last read into the lake. None: never, or it was another one."""
    seen = read_state(instance, READ)
    return seen if seen and seen["profile"] == source_now(platform)["profile"] else None


def mark_read(instance: dg.DagsterInstance, source: Mapping[str, Any]) -> None:
    write_state(instance, READ, dict(source))


def digest(source: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(source, sort_keys=True).encode()).hexdigest()[:16]


def days_to_read(platform: Platform, instance: dg.DagsterInstance) -> tuple[date, date] | None:
    """First and last day that new or changed files concern, late rows included. None: nothing new."""
    seen = source_read(platform, instance)
    changed = changed_range(
        platform.profile, seen["files"] if seen else None, platform.settings.as_of
    )
    if changed is None:
        return None
    first = max(
        changed[0] - timedelta(days=platform.settings.late_arrival_days), platform.profile.start
    )
    last = min(changed[1], last_day(platform))
    return (first, last) if first <= last else None


def last_day(platform: Platform) -> date:
    """The latest day that the source can hold and that has a partition: today's has none until it is over."""
    newest = newest_day(platform.profile, platform.settings.as_of) or platform.profile.start
    partition = platform.partitions.daily.get_last_partition_key()
    return min(newest, date.fromisoformat(partition)) if partition else newest


def weeks_to_fill(platform: Platform, instance: dg.DagsterInstance) -> list[date]:
    """As-of Mondays that have matured by the data's watermark and have no examples yet."""
    watermark = metadata_of(instance, WATERMARK).get("watermark")
    if watermark is None:
        return []
    filled = instance.get_materialized_partitions(EXAMPLES)
    matured = matured_mondays(
        platform.profile, platform.settings, date.fromisoformat(str(watermark))
    )
    return [monday for monday in matured if str(monday) not in filled]


def metadata_of(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str, Any]:
    """Plain values of an asset's latest materialization; empty where there is none."""
    event = instance.get_latest_materialization_event(key)
    said = event.asset_materialization if event else None
    return {name: value.value for name, value in said.metadata.items()} if said else {}


def range_tags(first: date, last: date) -> dict[str, str]:
    """Tags by which one run takes a range of partitions."""
    return {
        "dagster/asset_partition_range_start": str(first),
        "dagster/asset_partition_range_end": str(last),
    }


def in_flight(instance: dg.DagsterInstance, job: str | None = None) -> bool:
    """Whether `retention run` is at work, or a run is queued or going on: one of the job, or any where none is named."""
    return (
        by_hand(instance)
        or instance.get_runs_count(dg.RunsFilter(job_name=job, statuses=IN_FLIGHT)) > 0
    )


def by_hand(instance: dg.DagsterInstance) -> bool:
    """Whether a `retention run` is at work, also between its runs."""
    holder = read_state(instance, HOLDER)
    return bool(holder) and _is_alive(holder)


@contextmanager
def held(instance: dg.DagsterInstance) -> Iterator[None]:
    """For the time of a `retention run`: the clock's sensors wait. Runs that a killed one left open are closed first."""
    for run in instance.get_runs(dg.RunsFilter(tags={BY_HAND: "true"}, statuses=IN_FLIGHT)):
        instance.report_run_failed(run, "The process of this `retention run` is gone.")
    write_state(instance, HOLDER, {"pid": os.getpid(), "started": psutil.Process().create_time()})
    try:
        yield
    finally:
        write_state(instance, HOLDER, {})


def _is_alive(holder: Mapping[str, Any]) -> bool:
    try:
        return psutil.Process(holder["pid"]).create_time() == holder["started"]
    except psutil.NoSuchProcess:
        return False


def failures(instance: dg.DagsterInstance, job: str, tags: Mapping[str, str]) -> int:
    """How many runs of the job with these tags have failed: a part of the next one's run key, so that it is tried again."""
    return instance.get_runs_count(
        dg.RunsFilter(job_name=job, tags=dict(tags), statuses=[dg.DagsterRunStatus.FAILURE])
    )


def has_succeeded(instance: dg.DagsterInstance, arrivals: str) -> bool:
    """Whether a run that brought in this state of the source has succeeded."""
    return (
        instance.get_runs_count(
            dg.RunsFilter(tags={ARRIVALS: arrivals}, statuses=[dg.DagsterRunStatus.SUCCESS])
        )
        > 0
    )
