"""What is still to do: source days not yet read, matured weeks without examples, runs that failed.

Sensors and `retention run` ask the same functions, so neither repeats the other's work. Starts no
run.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import dagster as dg

from retention_assets import keys
from retention_assets.platform import Platform
from retention_assets.resources.metadata import asset_key
from retention_assets.sources.ledger import (
    GROWING,
    Ledger,
    LedgerContent,
    LedgerEntry,
    State,
    Survey,
    new_entries,
    survey,
)
from retention_assets.sources.source_files import (
    SourceFile,
    newest_day,
    present_files,
    source_files,
)
from retention_assets.training.task import matured_mondays

ARRIVALS = "retention/arrivals"  # tag: digest of the new files that a run reads
ATTEMPTS = 3  # a fault that three runs meet needs a person or other data
IN_FLIGHT = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@dataclass(frozen=True)
class Look:
    """The source at one moment: what the ledger holds, and the listing compared with it."""

    content: LedgerContent
    state: Survey


def look_at_source(platform: Platform, instance: dg.DagsterInstance) -> Look:
    """Lists the source once and compares it with the ledger.

    The files that a failed run read count as unread: what follows from their rows is missing.
    """
    content = Ledger(platform.settings.lake_root).content()
    files = present_files(platform.profile)
    failed = _failed_runs(instance, {entry.run_id for entry in content.read.values()})
    state = survey(platform.profile, files, content, failed_runs=failed)
    return Look(content, state)


def note_growing(
    platform: Platform, look: Look, *, now: float
) -> tuple[list[SourceFile], list[str]]:
    """The unread files that are complete, and the names of those that are still being written.

    A file that changed less than `settle_s` seconds ago is noted in the ledger. It is complete if
    it is still the same at the next look. `now`: seconds since 1970.
    """
    profile = platform.profile
    complete = []
    growing = list(look.state.growing)
    for file in look.state.unread:
        entry = look.content.newest_of(profile, file)
        was_noted = entry is not None and entry.state == GROWING
        is_fresh = now - file.mtime_ns / 1e9 < platform.settings.settle_s
        (growing if is_fresh and not was_noted else complete).append(file)
    states: dict[SourceFile, State] = dict.fromkeys(growing, GROWING)
    entries = new_entries(profile, states, look.content)
    Ledger(platform.settings.lake_root).add(entries)
    return complete, [file.path.name for file in growing]


def source_digest(platform: Platform) -> str:
    """Changes with the files that have been read and with how they were read."""
    return Ledger(platform.settings.lake_root).content().digest()


def _failed_runs(instance: dg.DagsterInstance, run_ids: Collection[str]) -> set[str]:
    if not run_ids:
        return set()  # Dagster takes an empty filter for no filter
    statuses = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
    runs = instance.get_runs(dg.RunsFilter(run_ids=sorted(run_ids), statuses=statuses))
    return {run.run_id for run in runs}


def digest(values: Mapping[str, Any]) -> str:
    """16 hexadecimal digits that change with the values."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def files_digest(files: Iterable[SourceFile], forgotten: Iterable[LedgerEntry] = ()) -> str:
    """Changes with the files and their versions, and with the files that are forgotten."""
    versions = {str(file.path): [file.size, file.mtime_ns] for file in files}
    return digest(versions | {entry.path: [] for entry in forgotten})


def days_to_read(
    platform: Platform, files: Sequence[SourceFile], forgotten: Sequence[LedgerEntry] = ()
) -> tuple[date, date] | None:
    """First and last day of these files, late rows included; to the source's last day if files are
    forgotten. None: there are no files, or their days have no partition yet.
    """
    if not files and not forgotten:
        return None
    start = platform.profile.start
    late = timedelta(days=platform.settings.late_arrival_days)
    first = min(item.day - late if item.day else start for item in (*files, *forgotten))
    newest = newest_day(platform.profile, files) or start
    last = last_day(platform) if forgotten else min(newest, last_partition(platform, newest))
    return (max(first, start), last) if first <= last else None


def last_partition(platform: Platform, otherwise: date) -> date:
    """The newest day that has a partition: today gets one tomorrow."""
    partition = platform.partitions.daily.get_last_partition_key()
    return date.fromisoformat(partition) if partition else otherwise


def last_day(platform: Platform) -> date:
    """The newest day that the source has and that has a partition."""
    files = source_files(platform.profile)
    newest = newest_day(platform.profile, files) or platform.profile.start
    return min(newest, last_partition(platform, newest))


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
