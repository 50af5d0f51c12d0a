"""How long a row of the stream takes to the customer's online vector, at 1,000 rows a second.

The real service of a home, its own Redis, a simulated retailer; in the middle the service is killed
with SIGKILL and started again. At the end a daily run takes the same rows in, and the vectors are
compared. Usage: `python benchmarks/stream.py [SECONDS] [CUSTOMERS]`; the defaults are 120 and
3,000. The rows are written by this process, on the same cores.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from report import publish

from retention_assets.features.store import FeatureStore
from retention_assets.features.stream.progress import (
    StreamProgress,
    progress_file,
    read_progress,
)
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.resources.online import OnlineStore
from retention_assets.settings import Settings
from retention_assets.simulation.simulator import FIRST_DATE, simulate
from retention_assets.sources.home_source import claim_home
from retention_assets_tests.features.stream.live_source import line, run_daily
from retention_assets_tests.serve.redis_server import RedisServer
from serve.states import LEFT

DAYS = 60
ROWS_PER_SECOND = 1000
FILES_PER_SECOND = 4
SEED = 7
PATIENCE_S = 900
LIVE_DAY = FIRST_DATE + timedelta(days=DAYS)
END = LIVE_DAY + timedelta(days=3)
EVENTS = ("login", "feature_use", "community_post")


def rows(ids: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Table and row of one event after the other, of customers who have not left: nine of ten are
    engagement, the tenth a sale.
    """
    rng = random.Random(SEED)
    number = 0
    while True:
        number += 1
        moment = datetime.combine(LIVE_DAY, datetime.min.time()) + timedelta(milliseconds=number)
        row = {"customer_id": rng.choice(ids), "event_ts": moment, "ingested_ts": moment}
        if number % 10:
            event = {"event_id": f"LE{number:09d}", "event_type": rng.choice(EVENTS)}
            yield "engagement_events", row | event | {"duration_s": 30.0}
        else:
            order = {"transaction_id": f"LT{number:09d}", "order_id": f"LO{number:09d}"}
            yield "transactions", row | order | {"kind": "sale", "amount": 20.0, "quantity": 1.0}


def write_rows(
    folder: Path, events: Iterator[tuple[str, dict[str, Any]]], seconds: int, name: str
) -> None:
    """Writes the next rows in files of a quarter of a second, for as long."""
    began = time.time()
    for step in range(seconds * FILES_PER_SECOND):
        texts: dict[str, list[str]] = {}
        for _ in range(ROWS_PER_SECOND // FILES_PER_SECOND):
            table, row = next(events)
            texts.setdefault(table, []).append(line(table, LIVE_DAY, row).text)
        for table, of_table in texts.items():
            target = folder / table / f"{LIVE_DAY}-{name}-{step:06d}.jsonl"
            target.parent.mkdir(parents=True, exist_ok=True)
            draft = target.with_name(f".{target.name}")
            draft.write_text("\n".join(of_table) + "\n")
            draft.replace(target)
        time.sleep(max(0.0, began + (step + 1) / FILES_PER_SECOND - time.time()))


@contextmanager
def service(settings: Settings, log: Path) -> Iterator[subprocess.Popen]:
    command = [sys.executable, "-m", "retention_assets.cli.stream"]
    with log.open("a") as output:
        process = subprocess.Popen(
            command, env=settings.environment(), stdout=output, stderr=output, text=True
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(timeout=120)


def await_rows(settings: Settings, expected: int) -> StreamProgress:
    """The progress once so many rows are open and none of their customers waits."""
    return await_progress(
        settings,
        lambda progress: progress.open_rows >= expected and not progress.waiting,
    )


def await_start(settings: Settings) -> StreamProgress:
    """The first progress of a new process that has read the lake."""
    began = time.time()
    return await_progress(
        settings, lambda progress: progress.updated_at > began and progress.vectors_written > 0
    )


def await_progress(
    settings: Settings, is_reached: Callable[[StreamProgress], bool]
) -> StreamProgress:
    progress = None
    limit = time.monotonic() + PATIENCE_S
    while time.monotonic() < limit:
        progress = read_progress(progress_file(settings.stream_dir))
        if progress and is_reached(progress):
            return progress
        time.sleep(0.5)
    raise TimeoutError(f"The stream did not come so far: {progress}")


def vectors(online: OnlineStore) -> dict[str, Any]:
    meta = online.meta()
    assert meta
    ids = online.sample_ids(10_000_000)
    return dict(zip(ids, online.read(ids, meta["names"]), strict=True))


def main() -> None:
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 120
    customers = int(sys.argv[2]) if len(sys.argv) > 2 else 3000
    server = RedisServer()
    server.start()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            home=Path(folder), source="simulated_live", redis_url=server.url, spark_memory="2g"
        )
        simulate(settings.simulated_dir, customers=customers, days=DAYS, seed=SEED)
        lake = Lake.of(settings)
        platform = Platform.of(settings)
        claim_home(settings, platform.profile)
        online = OnlineStore.of(settings)
        store = FeatureStore(lake, platform.profile, online)
        run_daily(lake, platform.profile, store, LIVE_DAY - timedelta(days=1), last=END)
        row = measure(settings, seconds)
        streamed = vectors(online)
        row["vectors"] = sum(vector.as_of > LIVE_DAY for vector in streamed.values())
        run_daily(lake, platform.profile, store, LIVE_DAY, last=END)
        row["differing"] = differing(streamed, vectors(online), LIVE_DAY + timedelta(days=1))
    server.remove()
    publish(__file__, [row], {"customers": customers, "rows_per_second": ROWS_PER_SECOND})


def measure(settings: Settings, seconds: int) -> dict[str, Any]:
    """Writes rows for this long, twice. While it takes the first ones, the service is killed and
    started again; latencies are of the second ones.
    """
    stored = vectors(OnlineStore.of(settings))
    events = rows(sorted(name for name, vector in stored.items() if vector.state != LEFT))
    source = settings.simulated_dir / "stream"
    source.mkdir()
    log = Path(f"{settings.home}-stream.log")
    with service(settings, log) as first:
        write_rows(source, events, seconds // 2, name="a")
        await_rows(settings, 1)
        write_rows(source, events, seconds // 2, name="b")
        first.send_signal(signal.SIGKILL)
        first.wait()
    killed_at = time.time()
    rows_written = seconds // 2 * 2 * ROWS_PER_SECOND
    with service(settings, log):
        await_rows(settings, rows_written)
        caught_up_s = time.time() - killed_at
    with service(settings, log):  # anew, so that its latencies are of rows on time
        await_start(settings)
        write_rows(source, events, seconds, name="c")
        progress = await_rows(settings, rows_written + seconds * ROWS_PER_SECOND)
    return {
        "rows": progress.open_rows,
        "after_kill_s": round(caught_up_s, 1),
        "latency_p50_s": progress.latency_p50_s,
        "latency_p99_s": progress.latency_p99_s,
    }


def differing(streamed: dict[str, Any], daily: dict[str, Any], as_of: date) -> int:
    """How many streamed vectors are not those of the daily run."""
    return sum(
        vector.as_of == as_of
        and not (
            daily[name].as_of == as_of
            and daily[name].state == vector.state
            and np.array_equal(daily[name].values, vector.values, equal_nan=True)
        )
        for name, vector in streamed.items()
    )


if __name__ == "__main__":
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    main()
