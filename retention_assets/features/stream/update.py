"""What one micro-batch does: check its rows, write the vectors of their customers, land the rows.

Vectors come first, and the landed files second. If the process dies between the two, the rows lie
in the open rows (ingestion/stream/open_rows.py), and the next micro-batch lands them; if it dies
before, the micro-batch is repeated. The stream writes vectors and landed files only. The daily run
alone writes the tables of the lake, so that no table has two writers.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from threading import Lock
from typing import Any

import numpy as np
from pyspark.sql import SparkSession
from redis.exceptions import RedisError

from retention_assets import keys
from retention_assets.features.availability import available_features
from retention_assets.features.current import current_features, current_states
from retention_assets.features.declarations import FEATURES
from retention_assets.features.stream.lake_view import CurrentTables, LakeView
from retention_assets.features.stream.progress import (
    SHOWN,
    Latencies,
    StreamProgress,
    most_frequent,
)
from retention_assets.features.vectors import Vectors, vectors_of
from retention_assets.ingestion.stream.delivery import Line
from retention_assets.ingestion.stream.open_rows import CheckedLine, OpenRows
from retention_assets.resources.lake import Lake
from retention_assets.resources.online import OnlineStore
from retention_assets.sources.contracts import TABLES
from retention_assets.sources.profile import Profile
from retention_assets.validation.rules import rules_of
from retention_assets.validation.streamed_rows import check_rows
from retention_assets.validation.watermark import event_tables

CUSTOMERS_AT_ONCE = 20_000  # bounds the memory of one computation
NOT_TEXT = "is not UTF-8 text"
NOTHING_ONLINE = "no features of this source are online yet"


@dataclass(frozen=True)
class Published:
    """A publication that is online, as `OnlineStore.meta` describes it, and the lake behind it."""

    description: dict[str, Any]
    view: LakeView


class StreamUpdate:
    """Takes the lines of a home's stream. `session`: one without ANSI errors. `clock`: seconds
    since 1970.

    The lake is looked at again whenever another publication is online, because that is the last
    step of a daily run: then all tables belong together.
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
        self._published: Published | None = None
        self._view: LakeView | None = None
        self._as_of: date | None = None
        self._latencies = Latencies()
        self._reasons: Counter[str] = Counter()

    def take(self, lines: Sequence[Line], batch: int) -> None:
        """One micro-batch. The same lines a second time, or in another order, change nothing."""
        with self._lock:
            readable = self._without_unreadable_files(lines)
            unknown = self._open_rows.unknown(readable)
            checked = self._checked(unknown)
            self._open_rows.add(checked)
            self._count(readable, checked, batch)
            is_written = self._write_vectors()
            self._open_rows.land()
            if is_written and readable:
                now = self._clock()
                seconds = [now - line.delivered_at for line in readable]
                self._latencies.add(seconds)
                self.progress = replace(self.progress, lag_s=round(max(seconds), 3))
            self._note()

    def look(self) -> None:
        """Writes what waits, such as the vectors that a new publication does not know."""
        with self._lock:
            self._write_vectors()
            self._open_rows.land()
            self._note()

    def _without_unreadable_files(self, lines: Sequence[Line]) -> list[Line]:
        """A file that is not text is reported and not read, as by the daily run."""
        unreadable = {line.origin for line in lines if not line.is_text}
        if unreadable:
            reported = [f"{origin} {NOT_TEXT}" for origin in sorted(unreadable)]
            files = dict.fromkeys([*self.progress.unreadable_files, *reported])
            self.progress = replace(self.progress, unreadable_files=list(files)[-SHOWN:])
        return [line for line in lines if line.origin not in unreadable and line.text.strip()]

    def _checked(self, lines: Sequence[Line]) -> list[CheckedLine]:
        by_table: dict[str, list[Line]] = {}
        for line in lines:
            by_table.setdefault(line.table, []).append(line)
        return [
            item for table, of_table in by_table.items() for item in self._check(table, of_table)
        ]

    def _check(self, table: str, lines: Sequence[Line]) -> list[CheckedLine]:
        """The lines of one table with what its rules say of them."""
        view = self._current_view()
        pairs = [(line.day, line.text) for line in lines]
        days = sorted({line.day for line in lines} | set(self._open_rows.days(table)))
        rules = rules_of(TABLES[table], self._profile.start)
        rows = check_rows(view.rows(table, pairs, days), rules).to_pylist()
        by_line = {(row["source_file"].rsplit("/", 1)[-1], row["raw_text"]): row for row in rows}
        checked = []
        for line in lines:
            row = by_line[f"{line.day}.jsonl", line.text.removeprefix("\ufeff")]
            checked.append(
                CheckedLine(line, row["customer_id"], row["event_day"], reason=row["reason"])
            )
        return checked

    def _count(self, lines: Sequence[Line], checked: Sequence[CheckedLine], batch: int) -> None:
        view = self._current_view()
        broken = [item.reason for item in checked if item.reason]
        self._reasons.update(broken)
        late = sum(
            1
            for item in checked
            if item.event_day and item.event_day < view.first_open(item.line.table)
        )
        known = self.progress
        self.progress = replace(
            known,
            batch=batch,
            rows=known.rows + len(lines),
            rows_repeated=known.rows_repeated + len(lines) - len(checked),
            rows_late=known.rows_late + late,
            rows_quarantined=known.rows_quarantined + len(broken),
            quarantined_by_reason=most_frequent(self._reasons),
        )

    def _write_vectors(self) -> bool:
        """Writes the vectors of the customers who wait. False: they go on waiting."""
        try:
            published = self._current_publication()
            if published is None:
                self.progress = replace(self.progress, problem=NOTHING_ONLINE)
                return False
            as_of = self._current_day(date.fromisoformat(published.description["as_of"]))
            while customer_ids := self._open_rows.waiting(CUSTOMERS_AT_ONCE):
                vectors = self._vectors(published, customer_ids, as_of)
                if vectors and not self._write(published, vectors):
                    return False
                self._open_rows.written(customer_ids)
        except RedisError as error:
            self.progress = replace(self.progress, problem=f"Redis does not answer: {error}")
            return False
        self.progress = replace(self.progress, problem="", as_of=str(as_of))
        return True

    def _current_publication(self) -> Published | None:
        """What is online; None if there is nothing of this source. Looks at the lake again if it
        is another publication than before, whose vectors lack the open rows.
        """
        description = self._online.meta()
        if description is None or description["source"] != self._profile.name:
            return None
        known = self._published
        if known is None or known.description["publication"] != description["publication"]:
            self._published = Published(description, self._new_view())
            self._open_rows.await_all()
        return self._published

    def _current_view(self) -> LakeView:
        return self._view or self._new_view()

    def _new_view(self) -> LakeView:
        if self._view is not None:
            self._view.release()
        self._view = LakeView.of(self._lake, self._profile, self._session, self._patience_days)
        self._open_rows.forget(_sizes_read(self._view))
        return self._view

    def _current_day(self, published: date) -> date:
        """The day after the newest event, or that of the publication if it is later. When it moves
        on, all vectors with open rows follow.
        """
        newest = self._open_rows.newest_day(event_tables(list(self._profile.tables)))
        as_of = max(published, newest + timedelta(days=1)) if newest else published
        if self._as_of is not None and as_of != self._as_of:
            self._open_rows.await_all()
        self._as_of = as_of
        return as_of

    def _vectors(
        self, published: Published, customer_ids: Sequence[str], as_of: date
    ) -> Vectors | None:
        """None: none of these customers has signed up yet."""
        view = published.view
        names: list[str] = published.description["names"]
        lines = self._open_rows.of_customers(customer_ids)
        days = {table: self._open_rows.days(table) for table in lines}
        tables = CurrentTables.of(view, customer_ids, lines, days)
        features = [
            feature
            for feature in available_features(FEATURES, self._profile.tables)
            if feature.name in names
        ]
        try:
            states = current_states(tables.read, self._profile, as_of).toArrow()
            values = current_features(tables.read, self._profile, features, as_of).toArrow()
            if not values.num_rows:
                return None
            segments = view.segments(tables.customers)
            return vectors_of([values], states, segments, features=names)
        finally:
            tables.release()

    def _write(self, published: Published, vectors: Vectors) -> bool:
        """False: another publication took its place."""
        written = self._online.update(
            published.description,
            vectors.as_of,
            ids=vectors.ids,
            states=vectors.states,
            segments=vectors.segments,
            matrix=np.asarray(vectors.matrix),
        )
        if written is None:
            return False
        total = self.progress.vectors_written + written
        self.progress = replace(self.progress, vectors_written=total)
        return True

    def _note(self) -> None:
        self.progress = replace(
            self.progress,
            updated_at=self._clock(),
            open_rows=self._open_rows.count(),
            waiting=self._open_rows.count_waiting(),
            latency_p50_s=self._latencies.quantile(0.5),
            latency_p99_s=self._latencies.quantile(0.99),
        )


def _sizes_read(view: LakeView) -> dict[tuple[str, date], int]:
    """(table, day) -> the bytes of the landed file of that day that the lake holds."""
    return {
        (entry.table, entry.day): entry.size
        for entry in view.content.read.values()
        if entry.day and view.profile.is_landed(view.profile.path_of(entry.path))
    }
