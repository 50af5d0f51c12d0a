"""What one micro-batch does: check its rows, write the vectors of their customers, land the rows.

Vectors come first, the landed files second. Rows are noted in the open rows before both, so that a
process that dies between the two lands them when it starts again; one that dies before repeats the
micro-batch. The stream writes vectors and landed files only. The daily run alone writes the tables
of the lake, so that no table has two writers.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import SparkSession
from redis.exceptions import RedisError

from retention_assets.features.availability import available_features
from retention_assets.features.current import current_features, current_states
from retention_assets.features.declarations import FEATURES, Feature
from retention_assets.features.measures import available_measures
from retention_assets.features.stream.base import Base, open_activity
from retention_assets.features.stream.lake_view import CurrentTables, LakeView, Texts
from retention_assets.features.stream.measured_rows import measured_rows
from retention_assets.features.stream.open_activity import OpenActivity
from retention_assets.features.stream.progress import (
    SHOWN,
    Latencies,
    StreamProgress,
    most_frequent,
)
from retention_assets.features.vectors import Vectors, vectors_of
from retention_assets.ingestion.stream.delivery import Line
from retention_assets.ingestion.stream.open_rows import CheckedLine, OpenLine, OpenRows
from retention_assets.resources.lake import Lake
from retention_assets.resources.online import OnlineStore
from retention_assets.sources.profile import Profile
from retention_assets.validation.watermark import event_tables

LINES_AT_ONCE = 50_000  # bounds the memory of one reading
NOT_TEXT = "is not UTF-8 text"
NOTHING_ONLINE = "no features of this source are online yet"


@dataclass
class Current:
    """What vectors are computed from: a publication, the lake behind it and the open rows.

    `newest_day`: of an event in the open rows; None: there is none.
    """

    description: Mapping[str, Any]
    view: LakeView
    base: Base
    activity: OpenActivity
    newest_day: date | None = None

    @property
    def as_of(self) -> date:
        """The day after the newest event, or that of the publication if it is later."""
        published = date.fromisoformat(self.description["as_of"])
        return max(published, self.newest_day + timedelta(days=1)) if self.newest_day else published


class StreamUpdate:
    """Takes the lines of a home's stream. `session`: one without ANSI errors. `clock`: seconds
    since 1970.

    `take` writes the vectors of customers whose rows only add something, within seconds. The others
    wait for `look`, which another thread calls all the time: it runs the daily run's own code for
    them, and looks at the lake again when another publication is online or a day has begun.
    """

    def __init__(
        self,
        lake: Lake,
        profile: Profile,
        online: OnlineStore,
        open_rows: OpenRows,
        *,
        session: SparkSession,
        patience_days: int,
        clock: Callable[[], float],
    ) -> None:
        self.progress = StreamProgress()
        self._lake = lake
        self._profile = profile
        self._online = online
        self._open_rows = open_rows
        self._session = session
        self._patience_days = patience_days
        self._clock = clock
        self._lock = Lock()
        self._event_tables = frozenset(event_tables(list(profile.tables)))
        self._measures = available_measures(profile.tables)
        self._current: Current | None = None
        self._view = self._new_view()
        self._waiting: dict[str, None] = {}
        self._latencies = Latencies()
        self._reasons: Counter[str] = Counter()

    def take(self, lines: Sequence[Line], batch: int) -> None:
        """One micro-batch. The same lines a second time, or in another order, change nothing."""
        with self._lock:
            readable = self._without_unreadable_files(lines)
            unknown = self._open_rows.unknown(readable)
            rows = self._measured(self._view, _by_table(unknown))
            checked = _checked(unknown, rows)
            self._open_rows.add(checked)
            if self._current is not None:
                self._add(self._current, rows)
            self._count(readable, rows, batch)
            written = self._write_simple_vectors()
            self._open_rows.land()
            self._note_latency(readable, written)
            self._note()

    def look(self) -> None:
        """Brings what vectors are computed from up to date, and writes those that wait."""
        try:
            if self._is_outdated():
                self._renew()
            self._write_complex_vectors()
        except RedisError as error:
            self.progress = replace(self.progress, problem=f"Redis does not answer: {error}")
        with self._lock:
            self._write_simple_vectors()
            self._open_rows.land()
            self._note()

    @property
    def is_waiting(self) -> bool:
        """Whether vectors are to be written."""
        return bool(self._waiting)

    # What the rows say

    def _without_unreadable_files(self, lines: Sequence[Line]) -> list[Line]:
        """A file that is not text is reported and not read, as by the daily run."""
        unreadable = {line.origin for line in lines if not line.is_text}
        if unreadable:
            reported = [f"{origin} {NOT_TEXT}" for origin in sorted(unreadable)]
            files = dict.fromkeys([*self.progress.unreadable_files, *reported])
            self.progress = replace(self.progress, unreadable_files=list(files)[-SHOWN:])
        return [
            replace(line, text=line.text.removeprefix("\ufeff"))
            for line in lines
            if line.origin not in unreadable and line.text.strip()
        ]

    def _measured(self, view: LakeView, texts: Mapping[str, Texts]) -> list[dict[str, Any]]:
        if not texts:
            return []
        frames = {
            table: view.rows(table, of_table, self._days(table, of_table))
            for table, of_table in texts.items()
        }
        return measured_rows(frames, self._measures, self._profile.start).to_pylist()

    def _days(self, table: str, texts: Texts) -> list[date]:
        return sorted({day for day, _ in texts} | set(self._open_rows.days(table)))

    def _add(self, current: Current, rows: Sequence[Mapping[str, Any]]) -> None:
        """Adds the rows to the activity, and has their customers wait."""
        for row in rows:
            if row["reason"]:
                continue
            known = current.base.known_keys.get(row["table"])
            is_stored, content = known.content(row["key"]) if known else (False, None)
            if not is_stored or content != row["content"]:
                current.activity.add(row, is_stored=is_stored)
            self._waiting[row["customer_id"]] = None
            if row["table"] in self._event_tables:
                current.newest_day = max(current.newest_day or row["event_day"], row["event_day"])

    def _count(self, lines: Sequence[Line], rows: Sequence[Mapping[str, Any]], batch: int) -> None:
        broken = [row["reason"] for row in rows if row["reason"]]
        days = [(row["table"], row["event_day"]) for row in rows if row["event_day"]]
        self._reasons.update(broken)
        known = self.progress
        self.progress = replace(
            known,
            batch=batch,
            rows=known.rows + len(lines),
            rows_repeated=known.rows_repeated + len(lines) - len(rows),
            rows_late=known.rows_late
            + sum(day < self._view.first_open(table) for table, day in days),
            rows_quarantined=known.rows_quarantined + len(broken),
            quarantined_by_reason=most_frequent(self._reasons),
        )

    # What vectors are computed from

    def _new_view(self) -> LakeView:
        return LakeView.of(self._lake, self._profile, self._session, self._patience_days)

    def _is_outdated(self) -> bool:
        """Whether another publication is online than before, or a day has begun."""
        description = self._online.meta()
        if description is None or description["source"] != self._profile.name:
            self.progress = replace(self.progress, problem=NOTHING_ONLINE)
            return False
        current = self._current
        return (
            current is None
            or current.description["publication"] != description["publication"]
            or current.as_of != current.base.as_of
        )

    def _renew(self) -> None:
        """Reads the lake and all open rows again, and has all their customers wait."""
        description = self._online.meta()
        if description is None:
            return
        view = self._new_view()
        activity = open_activity(view)
        newest = self._current.newest_day if self._current else None
        as_of = date.fromisoformat(description["as_of"])
        base = Base.of(
            view,
            max(as_of, newest + timedelta(days=1)) if newest else as_of,
            self._features(description),
        )
        renewed = Current(description, view, base, activity)
        self._open_rows.forget(_sizes_read(view))
        number = self._add_open_rows(renewed, 0)
        with self._lock:
            self._add_open_rows(renewed, number)
            self._view.release()
            self._view = view
            self._current = renewed
            self.progress = replace(self.progress, problem="")

    def _add_open_rows(self, current: Current, number: int) -> int:
        """Adds the open rows after a number. Returns the number of the last one."""
        while lines := self._open_rows.after(number, LINES_AT_ONCE):
            self._add(current, self._measured(current.view, _by_table(lines)))
            number = lines[-1].number
        return number

    def _features(self, description: Mapping[str, Any]) -> list[Feature]:
        """The published features that the source can fill, in the order of the vectors."""
        available = {item.name: item for item in available_features(FEATURES, self._profile.tables)}
        return [available[name] for name in description["names"] if name in available]

    # Vectors

    def _write_simple_vectors(self) -> set[str]:
        """Writes the vectors of the waiting customers whose rows only add something. Returns the
        customers.
        """
        current = self._current
        if current is None or current.as_of != current.base.as_of:
            return set()
        simple = [name for name in self._waiting if self._is_simple(current, name)]
        ids = [name for name in simple if name in current.base.states]
        try:
            if not simple or (
                ids
                and not self._write(
                    current, _simple_vectors(current, ids, self._features(current.description))
                )
            ):
                return set()
        except RedisError as error:
            self.progress = replace(self.progress, problem=f"Redis does not answer: {error}")
            return set()
        for name in simple:
            del self._waiting[name]
        return set(simple)

    def _is_simple(self, current: Current, customer_id: str) -> bool:
        if customer_id in current.activity.complex:
            return False
        return customer_id not in current.base.states or current.base.is_decided(customer_id)

    def _write_complex_vectors(self) -> None:
        """Writes the vectors of the others. Rows that come meanwhile have a customer wait again."""
        with self._lock:
            current = self._current
            if current is None or current.as_of != current.base.as_of:
                return
            ids = [name for name in self._waiting if not self._is_simple(current, name)]
            for name in ids:
                del self._waiting[name]
            texts = _by_table(self._open_rows.of_customers(ids)) if ids else {}
            days = {table: self._open_rows.days(table) for table in texts}
        if not ids:
            return
        is_written = False
        try:
            vectors = complex_vectors(
                current, ids, texts, days, self._features(current.description)
            )
            is_written = vectors is None or self._write(current, vectors)
        finally:
            if not is_written:
                with self._lock:
                    self._waiting.update(dict.fromkeys(ids))

    def _write(self, current: Current, vectors: Vectors) -> bool:
        """False: another publication is online."""
        written = self._online.update(
            current.description,
            vectors.as_of,
            ids=vectors.ids,
            states=vectors.states,
            segments=vectors.segments,
            matrix=vectors.matrix,
        )
        if written is None:
            return False
        total = self.progress.vectors_written + written
        self.progress = replace(
            self.progress, vectors_written=total, as_of=str(vectors.as_of), problem=""
        )
        return True

    def _note_latency(self, lines: Sequence[Line], written: set[str]) -> None:
        """Rows count as written once no simple vector waits for them."""
        if not lines or not written:
            return
        now = self._clock()
        seconds = [now - line.delivered_at for line in lines]
        self._latencies.add(seconds)
        self.progress = replace(self.progress, lag_s=round(max(seconds), 3))

    def _note(self) -> None:
        self.progress = replace(
            self.progress,
            updated_at=self._clock(),
            open_rows=self._open_rows.count(),
            waiting=len(self._waiting),
            latency_p50_s=self._latencies.quantile(0.5),
            latency_p99_s=self._latencies.quantile(0.99),
        )


def _simple_vectors(current: Current, ids: Sequence[str], features: Sequence[Feature]) -> Vectors:
    base = current.base
    names: list[str] = list(current.description["names"])
    matrix = np.full((len(ids), len(names)), np.nan)
    places = [names.index(feature.name) for feature in features]
    for row, name in enumerate(ids):
        matrix[row, places] = base.values(name, current.activity.of_customer(name), features)
    return Vectors(
        ids=list(ids),
        states=[base.states[name] for name in ids],
        segments=[base.segments.get(name) for name in ids],
        as_of=base.as_of,
        features=names,
        matrix=matrix,
        absent=[],
    )


def complex_vectors(
    current: Current,
    ids: Sequence[str],
    texts: Mapping[str, Texts],
    days: Mapping[str, Sequence[date]],
    features: Sequence[Feature],
) -> Vectors | None:
    """The vectors of any customers by the daily run's code. None: none of them has signed up."""
    profile = current.view.profile
    as_of = current.base.as_of
    tables = CurrentTables.of(current.view, ids, texts, days)
    try:
        states = current_states(tables.read, profile, as_of).toArrow()
        values = current_features(tables.read, profile, features, as_of).toArrow()
    finally:
        tables.release()
    if not values.num_rows:
        return None
    pairs = list(current.base.segments.items())
    segments = pa.table(
        {
            "customer_id": pa.array([name for name, _ in pairs], pa.string()),
            "segment": pa.array([segment for _, segment in pairs], pa.string()),
        }
    )
    return vectors_of([values], states, segments, features=current.description["names"])


def _by_table(lines: Sequence[Line] | Sequence[OpenLine]) -> dict[str, list[tuple[date, str]]]:
    by_table: dict[str, list[tuple[date, str]]] = {}
    for line in lines:
        by_table.setdefault(line.table, []).append((line.day, line.text))
    return by_table


def _checked(lines: Sequence[Line], rows: Sequence[Mapping[str, Any]]) -> list[CheckedLine]:
    """The lines with what was found out about their rows."""
    by_line = {
        (row["table"], row["source_file"].rsplit("/", 1)[-1], row["raw_text"]): row for row in rows
    }
    return [
        CheckedLine(line, row["customer_id"], row["reason"])
        for line in lines
        if (row := by_line.get((line.table, f"{line.day}.jsonl", line.text)))
    ]


def _sizes_read(view: LakeView) -> dict[tuple[str, date], int]:
    """(table, day) -> the bytes of the landed file of that day that the lake holds."""
    return {
        (entry.table, entry.day): entry.size
        for entry in view.content.read.values()
        if entry.day and view.profile.is_landed(view.profile.path_of(entry.path))
    }
