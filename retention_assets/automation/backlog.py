"""What is still to do: source days not yet read, matured weeks without examples, runs that failed.

Sensors and `retention run` ask the same functions, so neither repeats the other's work. Starts no
run.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

import dagster as dg

from retention_assets import keys
from retention_assets.platform import Platform
from retention_assets.resources.metadata import asset_key
from retention_assets.resources.run_states import failed_runs
from retention_assets.resources.small_tables import table_properties
from retention_assets.sources.arrival import DAY, first_open_day
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
    landed_files,
    present_files,
    source_files,
)
from retention_assets.training.filled_weeks import FILLED_WEEKS, weeks_of_property
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


DayRange: TypeAlias = tuple[date, date]  # first and last day


@dataclass(frozen=True)
class Look:
    """The source at one moment: what the ledger holds, and the listing compared with it."""

    content: LedgerContent
    state: Survey
    failed_runs: frozenset[str]


def look_at_source(platform: Platform, instance: dg.DagsterInstance) -> Look:
    """Lists the source once and compares it with the ledger.

    The files that a failed run read count as unread: what follows from their rows is missing.
    """
    content = Ledger(platform.settings.lake_root).content()
    files = present_files(platform.profile)
    failed = failed_runs(instance, {entry.run_id for entry in content.readings})
    state = survey(platform.profile, files, content, failed_runs=failed)
    return Look(content, state, frozenset(failed))


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


def digest(values: Mapping[str, Any]) -> str:
    """16 hexadecimal digits that change with the values."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def files_digest(files: Iterable[SourceFile], forgotten: Iterable[LedgerEntry] = ()) -> str:
    """Changes with the files and their versions, and with the files that are forgotten."""
    versions = {str(file.path): [file.size, file.mtime_ns] for file in files}
    return digest(versions | {entry.path: [] for entry in forgotten})


def days_to_read(
    platform: Platform, look: Look, files: Sequence[SourceFile], *, anew: bool = False
) -> DayRange | None:
    """The days that a run over these unread files materializes; None: there is nothing to read.

    From the first open day of their tables to the newest file's day, or the next one if the source
    stamps its rows then; to the last day if a file has no day. All days that were read if a table
    is read `anew`, or files are forgotten.
    """
    profile = platform.profile
    due = due_files(platform, files)
    forgotten = look.state.forgotten
    last = platform.partitions.last_day()
    if last is None or not (due or forgotten or anew):
        return None
    tables = {file.table for file in due}
    first_open = [_first_open_day(platform, look, name) for name in tables]
    is_anew = anew or bool(forgotten or tables & look.state.remapped)
    first = profile.start if is_anew else min(first_open)
    if any(file.day is None for file in due):
        return first, last
    newest = [
        file.day + DAY if "ingested_ts" in profile.tables[file.table].columns else file.day
        for file in due
        if file.day
    ]
    if is_anew:  # rows that came late lie on the day after the newest
        newest += [entry.through + DAY for entry in look.content.readings if entry.through]
    return first, min(max([*newest, *first_open, first]), last)


def due_files(platform: Platform, files: Iterable[SourceFile]) -> list[SourceFile]:
    """The files whose day is over: today's are read tomorrow. The days of a simulated stream are
    not those of a clock, so its newest one goes on until a row of a later day has landed.
    """
    profile = platform.profile
    newest = platform.partitions.last_complete_day() or date.min
    newest_landed = date.max
    if profile.is_simulated and profile.stream:
        landed = [landed_files(profile, name) for name in profile.stream.tables]
        days = (file.day for of_table in landed for file in of_table if file.day)
        newest_landed = max(days, default=date.max)
    return [
        file
        for file in files
        if file.day is None
        or (file.day <= newest and not (profile.is_landed(file.path) and file.day >= newest_landed))
    ]


def _first_open_day(platform: Platform, look: Look, table: str) -> date:
    return first_open_day(
        platform.profile,
        table,
        look.content,
        patience_days=platform.settings.patience_days,
        unfinished_runs=look.failed_runs,
    )


def last_day(platform: Platform) -> date:
    """The newest day for which the source has a file; its last partition if a file has no day."""
    files = due_files(platform, source_files(platform.profile))
    last = platform.partitions.last_day() or platform.profile.start
    if any(file.day is None for file in files):
        return last
    return max((file.day for file in files if file.day), default=platform.profile.start)


def watermark(instance: dg.DagsterInstance) -> date | None:
    """The last closed day of the data. None: no data has been read yet."""
    return _day_of_watermark(instance, "watermark")


def matured_weeks(platform: Platform, instance: dg.DagsterInstance) -> list[date]:
    """As-of Mondays whose labels are final by the data that has been delivered."""
    through = _day_of_watermark(instance, "labels_through")
    return matured_mondays(platform.profile, platform.settings, through) if through else []


def _day_of_watermark(instance: dg.DagsterInstance, name: str) -> date | None:
    value = metadata_of(instance, keys.WATERMARK).get(name)
    return date.fromisoformat(str(value)) if value else None


def weeks_to_fill(platform: Platform, instance: dg.DagsterInstance) -> list[date]:
    """As-of Mondays whose labels are final and that have no examples yet."""
    filled = filled_weeks(platform)
    return [monday for monday in matured_weeks(platform, instance) if monday not in filled]


def filled_weeks(platform: Platform) -> set[date]:
    """As-of Mondays whose examples were made when their labels were final. Dagster's own list has
    weeks too that were materialized before.
    """
    properties = table_properties(platform.settings.lake_root, keys.CHURN_EXAMPLES)
    return weeks_of_property(properties.get(FILLED_WEEKS))


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
