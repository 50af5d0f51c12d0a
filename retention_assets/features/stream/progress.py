"""What a stream has done and how far it lags, in one small file that other processes read."""

import json
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import get_ident
from typing import Any

from retention_assets.settings import STREAM_PROGRESS

LATENCIES = 200_000  # of the last rows
SHOWN = 20  # unreadable files, and reasons


@dataclass(frozen=True)
class StreamProgress:
    """Counts since the process started, except `open_rows` and `waiting`.

    `updated_at`: seconds since 1970, at least every few seconds while the process lives.
    `batch`: number of the last micro-batch, by which the checkpoint names its offsets. `rows_late`:
    of days that were closed when they came. `latency_*_s`: from the delivery of a row to the
    customer's vector; None before the first one. `lag_s`: the age of the oldest row that waits.
    `faulty_files`: the last ones of which rows were quarantined. `waiting`: customers whose vectors
    are not written yet. `problem`: why vectors cannot be written now; empty if they can.
    """

    updated_at: float = 0.0
    batch: int = -1
    rows: int = 0
    rows_repeated: int = 0
    rows_late: int = 0
    rows_quarantined: int = 0
    quarantined_by_reason: dict[str, int] = field(default_factory=dict)
    unreadable_files: list[str] = field(default_factory=list)
    faulty_files: list[str] = field(default_factory=list)
    vectors_written: int = 0
    open_rows: int = 0
    waiting: int = 0
    as_of: str | None = None
    latency_p50_s: float | None = None
    latency_p99_s: float | None = None
    lag_s: float = 0.0
    problem: str = ""


def progress_file(folder: Path) -> Path:
    """The file below the folder of a stream."""
    return folder / STREAM_PROGRESS


def write_progress(file: Path, progress: StreamProgress) -> None:
    """Replaces the file in one step, also where two threads do."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(f".draft-{get_ident()}")
    draft.write_text(json.dumps(asdict(progress), indent=2))
    draft.replace(file)


def read_progress(file: Path) -> StreamProgress | None:
    """None: no stream has run here."""
    return StreamProgress(**json.loads(file.read_text())) if file.exists() else None


def progress_metadata(progress: StreamProgress) -> dict[str, Any]:
    """What a person looks for, as an asset's metadata; what is unknown is left out."""
    values = {
        "as_of": progress.as_of,
        "offset": progress.batch,
        "rows": progress.rows,
        "rows_late": progress.rows_late,
        "rows_repeated": progress.rows_repeated,
        "rows_quarantined": progress.rows_quarantined,
        "quarantined_by_reason": json.dumps(progress.quarantined_by_reason),
        "unreadable_files": ", ".join(progress.unreadable_files) or "none",
        "files_with_quarantined_rows": ", ".join(progress.faulty_files) or "none",
        "open_rows": progress.open_rows,
        "waiting_customers": progress.waiting,
        "lag_s": progress.lag_s,
        "latency_p50_s": progress.latency_p50_s,
        "latency_p99_s": progress.latency_p99_s,
        "problem": progress.problem or "none",
    }
    return {name: value for name, value in values.items() if value is not None}


class Latencies:
    """Seconds from the delivery of a row to the customer's vector, of the last rows."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[float]] = {}
        self._seconds: deque[float] = deque(maxlen=LATENCIES)
        self._last_s = 0.0

    def begin(self, deliveries: Iterable[tuple[str, float]]) -> None:
        """`deliveries`: customer and time of each row that came."""
        for customer_id, delivered_at in deliveries:
            self._waiting.setdefault(customer_id, []).append(delivered_at)

    def take(self, customer_ids: Iterable[str]) -> list[tuple[str, float]]:
        """The rows of these customers, whose vectors are about to be written."""
        return [(name, time) for name in customer_ids for time in self._waiting.pop(name, ())]

    def add(self, deliveries: Sequence[tuple[str, float]], now: float) -> None:
        """The vectors of these rows have been written."""
        seconds = [now - delivered_at for _, delivered_at in deliveries]
        self._seconds.extend(seconds)
        self._last_s = max(seconds, default=self._last_s)

    def lag(self, now: float) -> float:
        """The age of the oldest row that waits; without one, what the last rows took."""
        waiting = [now - min(times) for times in self._waiting.values()]
        return round(max(waiting, default=self._last_s), 3)

    def quantile(self, share: float) -> float | None:
        """None: there was no row yet."""
        if not self._seconds:
            return None
        ordered = sorted(self._seconds)
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3)


def most_frequent(counts: Counter[str]) -> dict[str, int]:
    """The reasons that are shown."""
    return dict(counts.most_common(SHOWN))
