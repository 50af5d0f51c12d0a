"""What one micro-batch does: check its rows, write the vectors of their customers, land the rows.

Vectors come first, the landed files second. Rows are noted in the open rows before both, so that a
process that dies between the two lands them when it starts again; one that dies before repeats the
micro-batch. The stream writes vectors and landed files only. The daily run alone writes the tables
of the lake, so that no table has two writers.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from threading import Lock
from typing import Any

from pyspark.sql import SparkSession
from redis.exceptions import RedisError

from retention_assets.features.stream.current import (
    Current,
    add_open_rows,
    measured_lines,
    texts_by_table,
)
from retention_assets.features.stream.lake_view import LakeView
from retention_assets.features.stream.progress import (
    SHOWN,
    Latencies,
    StreamProgress,
    most_frequent,
)
from retention_assets.features.stream.vectors import complex_vectors, simple_vectors
from retention_assets.features.vectors import Vectors
from retention_assets.ingestion.stream.delivery import Line
from retention_assets.ingestion.stream.open_rows import CheckedLine, OpenRows
from retention_assets.resources.lake import Lake
from retention_assets.resources.online import OnlineStore
from retention_assets.sources.profile import Profile
from retention_assets.validation.watermark import event_tables

NOTHING_ONLINE = "no features of this source are online yet"


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
        self.current: Current | None = None
        self._lake = lake
        self._profile = profile
        self._online = online
        self._open_rows = open_rows
        self._session = session
        self._patience_days = patience_days
        self._clock = clock
        self._lock = Lock()
        self._view = self._new_view()
        self._latencies = Latencies()
        self._reasons: Counter[str] = Counter()

    def take(self, lines: Sequence[Line], batch: int) -> None:
        """One micro-batch. The same lines a second time, or in another order, change nothing."""
        with self._lock:
            readable = self._without_unreadable_files(lines)
            unknown = self._open_rows.unknown(readable)
            rows = measured_lines(self._view, self._open_rows, unknown)
            checked = _checked(unknown, rows)
            self._open_rows.add(checked)
            self._name_faulty_files(checked)
            if self.current is not None:
                self.current.add(rows)
            self._count(readable, rows, batch)
            self._latencies.begin(_deliveries(unknown, rows))
            self._write_simple_vectors()
            self._open_rows.land()
            self._note()

    def look(self) -> None:
        """Brings what vectors are computed from up to date, and writes those that wait."""
        try:
            if self._is_outdated():
                self._renew()
            self._write_complex_vectors()
        except RedisError as error:
            self._note_problem(f"Redis does not answer: {error}")
        with self._lock:
            self._write_simple_vectors()
            self._open_rows.land()
            self._note()

    # What the rows say

    def _without_unreadable_files(self, lines: Sequence[Line]) -> list[Line]:
        """A file that cannot be read is reported by name and left out, as by the daily run."""
        unreadable = {line.origin: line.fault for line in lines if line.fault}
        if unreadable:
            reported = [f"{origin} {fault}" for origin, fault in sorted(unreadable.items())]
            files = dict.fromkeys([*self.progress.unreadable_files, *reported])
            self.progress = replace(self.progress, unreadable_files=list(files)[-SHOWN:])
        return [
            replace(line, text=line.text.lstrip("\ufeff"))
            for line in lines
            if line.origin not in unreadable and line.text.strip()
        ]

    def _name_faulty_files(self, lines: Sequence[CheckedLine]) -> None:
        """Such as a file that ends in the middle of a line."""
        faulty = [item.line.origin for item in lines if item.reason]
        files = list(dict.fromkeys([*self.progress.faulty_files, *faulty]))
        self.progress = replace(self.progress, faulty_files=files[-SHOWN:])

    def _count(self, lines: Sequence[Line], rows: Sequence[Mapping[str, Any]], batch: int) -> None:
        broken = [row["reason"] for row in rows if row["reason"]]
        days = [(row["table"], row["event_day"]) for row in rows if row["event_day"]]
        late = sum(day < self._view.first_open(table) for table, day in days)
        self._reasons.update(broken)
        known = self.progress
        self.progress = replace(
            known,
            batch=batch,
            rows=known.rows + len(lines),
            rows_repeated=known.rows_repeated + len(lines) - len(rows),
            rows_late=known.rows_late + late,
            rows_quarantined=known.rows_quarantined + len(broken),
            quarantined_by_reason=most_frequent(self._reasons),
        )

    # What vectors are computed from

    def _new_view(self) -> LakeView:
        return LakeView.of(self._lake, self._profile, self._session, self._patience_days)

    def _is_outdated(self) -> bool:
        """Whether another publication is online than before, or a day has begun."""
        description = self._description()
        if description is None:
            return False
        current = self.current
        is_same = current and current.description["publication"] == description["publication"]
        return not (current and is_same and current.is_of_today)

    def _description(self) -> Mapping[str, Any] | None:
        """What is online of this source."""
        description = self._online.meta()
        if description is None or description["source"] != self._profile.name:
            self._note_problem(NOTHING_ONLINE)
            return None
        return description

    def _renew(self) -> None:
        """Reads the lake and all open rows again, and has all their customers wait."""
        description = self._description()
        if description is None:
            return
        newest_day = self._open_rows.newest_day(event_tables(list(self._profile.tables)))
        renewed = Current.of(self._new_view(), description, newest_day)
        with self._lock:
            self._open_rows.forget(_sizes_read(renewed.view))
        number = add_open_rows(renewed, self._open_rows, 0)
        with self._lock:
            add_open_rows(renewed, self._open_rows, number)
            self._view.release()
            self._view = renewed.view
            self.current = renewed
            self._note_problem("")

    # Vectors

    def _write_simple_vectors(self) -> None:
        """Writes the vectors of the waiting customers whose rows only add something. Where that is
        not possible now, they go on waiting.
        """
        current = self.current
        if current is None or not current.is_of_today:
            return
        simple = [name for name in current.waiting if current.is_simple(name)]
        ids = [name for name in simple if current.base.is_published(name)]
        try:
            if ids and not self._write(current, simple_vectors(current, ids)):
                return
        except RedisError as error:
            self._note_problem(f"Redis does not answer: {error}")
            return
        for name in simple:
            del current.waiting[name]
        self._latencies.add(self._latencies.take(simple), self._clock())

    def _write_complex_vectors(self) -> None:
        """Writes the vectors of the others. Rows that come meanwhile have a customer wait again."""
        with self._lock:
            current = self.current
            if current is None or not current.is_of_today:
                return
            ids = [name for name in current.waiting if not current.is_simple(name)]
            for name in ids:
                del current.waiting[name]
            began = self._latencies.take(ids)
            texts = texts_by_table(self._open_rows.of_customers(ids))
            days = {table: self._open_rows.days(table) for table in texts}
        if not ids:
            return
        is_written = False
        try:
            vectors = complex_vectors(current, ids, texts, days)
            is_written = vectors is None or self._write(current, vectors)
        finally:
            with self._lock:
                if is_written:
                    self._latencies.add(began, self._clock())
                else:
                    self._latencies.begin(began)
                    current.waiting.update(dict.fromkeys(ids))

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
        as_of = str(vectors.as_of)
        self.progress = replace(self.progress, vectors_written=total, as_of=as_of, problem="")
        return True

    # Progress

    def _note_problem(self, problem: str) -> None:
        self.progress = replace(self.progress, problem=problem)

    def _note(self) -> None:
        self.progress = replace(
            self.progress,
            updated_at=self._clock(),
            open_rows=self._open_rows.count(),
            waiting=len(self.current.waiting) if self.current else 0,
            lag_s=self._latencies.lag(self._clock()),
            latency_p50_s=self._latencies.quantile(0.5),
            latency_p99_s=self._latencies.quantile(0.99),
        )


def _checked(lines: Sequence[Line], rows: Sequence[Mapping[str, Any]]) -> list[CheckedLine]:
    """The lines with what was found out about their rows."""
    by_line = {
        (row["table"], row["source_file"].rsplit("/", 1)[-1], row["raw_text"]): row for row in rows
    }
    pairs = [(line, by_line[line.table, f"{line.day}.jsonl", line.text]) for line in lines]
    return [
        CheckedLine(line, row["customer_id"], row["reason"], row["event_day"])
        for line, row in pairs
    ]


def _deliveries(
    lines: Sequence[Line], rows: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, float]]:
    """Customer and time of delivery of each row that breaks no rule."""
    times = {(line.table, line.text): line.delivered_at for line in lines}
    for row in rows:
        if not row["reason"]:
            yield row["customer_id"], times[row["table"], row["raw_text"]]


def _sizes_read(view: LakeView) -> dict[tuple[str, date], int]:
    """(table, day) -> the bytes of the landed file of that day that the lake holds."""
    return {
        (entry.table, entry.day): entry.size
        for entry in view.content.read.values()
        if entry.day and view.profile.is_landed(view.profile.path_of(entry.path))
    }
