"""What the lake still lacks: source days not yet read, matured weeks not yet filled, and which runs are under way.

The clock and `retention run` ask the same questions here, so that neither redoes what the other did. Starts no run.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from retention_assets.ingestion.arrivals import changed_range, fingerprint
from retention_assets.resources.instance import read_state, write_state
from retention_assets.training.maturity import matured_mondays

if TYPE_CHECKING:
    from retention_assets.platform import Platform

WATERMARK, EXAMPLES = dg.AssetKey(["validated", "watermark"]), dg.AssetKey(["training", "churn_examples"])
BY_HAND = "retention/by_hand"  # tag of the runs of `retention run`, which makes all that follows by itself
ARRIVALS = "retention/arrivals"  # tag: digest of the source files that a run brings in
STATE = "arrivals"
IN_FLIGHT = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


def source_now(platform: "Platform") -> dict[str, Any]:
    """The source as it lies there: whose it is, up to which day it is read, and its files."""
    return {
        "source": platform.profile.name,
        "as_of": str(platform.settings.as_of or ""),
        "files": fingerprint(platform.profile, platform.settings.as_of),
    }


def source_read(platform: "Platform", instance: dg.DagsterInstance) -> dict[str, Any] | None:
    """The source as it was when it was last read into the lake. None: never, or it was another one."""
    seen = read_state(instance, STATE)
    return seen if seen and seen["source"] == platform.profile.name else None


def mark_read(instance: dg.DagsterInstance, source: Mapping[str, Any]) -> None:
    write_state(instance, STATE, dict(source))


def digest(source: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(source, sort_keys=True).encode()).hexdigest()[:16]


def days_to_read(platform: "Platform", instance: dg.DagsterInstance) -> tuple[date, date] | None:
    """First and last day that new or changed files concern, late rows included. None: nothing new."""
    seen = source_read(platform, instance)
    changed = changed_range(platform.profile, seen["files"] if seen else None, platform.settings.as_of)
    last_partition = platform.clock.daily.get_last_partition_key()
    if changed is None or last_partition is None:
        return None
    first = max(changed[0] - timedelta(days=platform.settings.late_arrival_days), platform.profile.start)
    last = min(changed[1], date.fromisoformat(last_partition))
    return (first, last) if first <= last else None


def weeks_to_fill(platform: "Platform", instance: dg.DagsterInstance) -> list[date]:
    """As-of Mondays that have matured by the data's watermark and have no examples yet."""
    watermark = metadata_of(instance, WATERMARK).get("watermark")
    if watermark is None:
        return []
    filled = instance.get_materialized_partitions(EXAMPLES)
    matured = matured_mondays(platform.profile, platform.settings, date.fromisoformat(str(watermark)))
    return [monday for monday in matured if str(monday) not in filled]


def metadata_of(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str, Any]:
    """Plain values of an asset's latest materialization; empty where there is none."""
    event = instance.get_latest_materialization_event(key)
    said = event.asset_materialization if event else None
    return {name: value.value for name, value in said.metadata.items()} if said else {}


def range_tags(first: date, last: date) -> dict[str, str]:
    """Tags by which one run takes a range of partitions."""
    return {"dagster/asset_partition_range_start": str(first), "dagster/asset_partition_range_end": str(last)}


def in_flight(instance: dg.DagsterInstance, job: str | None = None) -> bool:
    """Whether a run is queued or going on: of the job, or of `retention run`, or any where no job is named."""
    if job is None:
        return instance.get_runs_count(dg.RunsFilter(statuses=IN_FLIGHT)) > 0
    own, by_hand = dg.RunsFilter(job_name=job, statuses=IN_FLIGHT), dg.RunsFilter(tags={BY_HAND: "true"}, statuses=IN_FLIGHT)
    return any(instance.get_runs_count(runs) > 0 for runs in (own, by_hand))


def has_succeeded(instance: dg.DagsterInstance, arrivals: str) -> bool:
    """Whether a run that brought in this state of the source has succeeded."""
    return instance.get_runs_count(dg.RunsFilter(tags={ARRIVALS: arrivals}, statuses=[dg.DagsterRunStatus.SUCCESS])) > 0
