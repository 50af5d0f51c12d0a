"""The stream's vectors equal those of the daily run, whatever the order and the repeats."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from retention_assets.features.store import FeatureStore
from retention_assets.features.stream.update import StreamUpdate
from retention_assets.ingestion.reading import without_ansi_errors
from retention_assets.ingestion.stream.delivery import Line
from retention_assets.ingestion.stream.open_rows import OpenRows
from retention_assets.resources.lake import Lake
from retention_assets.resources.online import OnlineStore
from retention_assets.sources.profile import Profile
from retention_assets_tests.features.stream.live_source import (
    LAST_FILE,
    TODAY,
    make_source,
    run_daily,
)
from retention_assets_tests.serve.redis_server import RedisServer
from serve.features.codec import Vector

PATIENCE_DAYS = 7


@dataclass(frozen=True)
class Live:
    """A home whose daily run has read the files, and the lines that its stream delivers then."""

    lake: Lake
    profile: Profile
    lines: list[Line]
    url: str

    def online(self, name: str) -> OnlineStore:
        return OnlineStore(self.url, name, ttl_days=2)

    def update(self, folder: Path, name: str) -> StreamUpdate:
        return StreamUpdate(
            self.lake,
            self.profile,
            self.online(name),
            OpenRows(folder / "open_rows.db", self.profile.landed),
            session=without_ansi_errors(self.lake.spark),
            patience_days=PATIENCE_DAYS,
            clock=lambda: 1.0,
        )


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    server = RedisServer()
    server.start()
    yield server.url
    server.remove()


@pytest.fixture(scope="module")
def live(module_lake: Lake, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Live:
    profile, lines = make_source(tmp_path_factory.mktemp("home"))
    store = FeatureStore(module_lake, profile, OnlineStore(redis_url, "first", 2))
    run_daily(module_lake, profile, store, LAST_FILE)
    return Live(module_lake, profile, lines, redis_url)


def vectors(online: OnlineStore) -> dict[str, Vector]:
    meta = online.meta()
    assert meta
    ids = sorted(online.sample_ids(10_000))
    return {
        name: vector
        for name, vector in zip(ids, online.read(ids, meta["names"]), strict=True)
        if vector is not None
    }


def differing(left: dict[str, Vector], right: dict[str, Vector]) -> list[str]:
    return [
        name
        for name in sorted(left.keys() | right.keys())
        if name not in left
        or name not in right
        or (left[name].as_of, left[name].state) != (right[name].as_of, right[name].state)
        or not np.array_equal(left[name].values, right[name].values, equal_nan=True)
    ]


def take_in_parts(update: StreamUpdate, lines: Sequence[Line], parts: int) -> None:
    for number in range(parts):
        update.take(lines[number::parts], number)
    look(update)


def look(update: StreamUpdate) -> None:
    """Until nothing waits: a new day takes a second look."""
    for _ in range(3):
        update.look()
    assert not update.is_waiting


def test_vectors_equal_those_of_the_next_daily_run(live: Live, tmp_path: Path) -> None:
    FeatureStore(live.lake, live.profile, live.online("a")).publish_online()
    update = live.update(tmp_path, "a")
    take_in_parts(update, live.lines, 3)
    streamed = {
        name: vector
        for name, vector in vectors(live.online("a")).items()
        if vector.as_of == TODAY + timedelta(days=1)
    }
    assert len(streamed) > 5
    assert update.progress.rows == len(live.lines)
    store = FeatureStore(live.lake, live.profile, live.online("daily"))
    run_daily(live.lake, live.profile, store, TODAY)
    daily = vectors(live.online("daily"))
    assert differing(streamed, {name: daily[name] for name in streamed}) == []
