"""The stream's vectors equal those of the daily run, whatever the order and the repeats."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from retention_assets import keys
from retention_assets.features.store import FeatureStore
from retention_assets.features.stream import base
from retention_assets.features.stream.current import texts_by_table
from retention_assets.features.stream.update import StreamUpdate
from retention_assets.features.stream.vectors import complex_vectors, simple_vectors
from retention_assets.ingestion.reading import without_ansi_errors
from retention_assets.ingestion.stream.delivery import NOT_TEXT, Line
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
AS_OF = TODAY + timedelta(days=1)
BROKEN = Line("transactions", TODAY, '{"transaction_id": "T', "cut.jsonl", delivered_at=0.0)
NO_TEXT = Line("transactions", TODAY, "\ufffd", "bytes.jsonl", 0.0, fault=NOT_TEXT)


class ProcessDied(Exception):
    """The process ends here."""


@dataclass(frozen=True)
class Live:
    """A home whose daily run has read the files, and the lines that its stream delivers then."""

    lake: Lake
    profile: Profile
    lines: list[Line]
    online: OnlineStore

    @property
    def store(self) -> FeatureStore:
        return FeatureStore(self.lake, self.profile, self.online)

    def open_rows(self) -> OpenRows:
        return OpenRows(self.profile.landed.parent / "open_rows.db", self.profile.landed)

    def update(self) -> StreamUpdate:
        return StreamUpdate(
            self.lake,
            self.profile,
            self.online,
            self.open_rows(),
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
    home = Live(module_lake, profile, lines, OnlineStore(redis_url, "home", 2))
    run_daily(home.lake, profile, home.store, LAST_FILE)
    return home


@pytest.fixture(scope="module")
def taken(live: Live) -> StreamUpdate:
    """The stream of the home, after it has taken all lines in their order."""
    update = live.update()
    update.take(live.lines, 0)
    look(update)
    return update


@pytest.fixture
def copied(live: Live, copy_of: Callable[[Lake], Lake], redis_url: str, tmp_path: Path) -> Live:
    """The home before its stream has taken anything."""
    landed = tmp_path / "stream" / "landed"
    profile = live.profile.model_copy(update={"landed": landed})
    copy = Live(copy_of(live.lake), profile, live.lines, OnlineStore(redis_url, "copy", 2))
    copy.store.publish_online()
    return copy


def look(update: StreamUpdate) -> None:
    """Until nothing waits: a new day takes a second look."""
    for _ in range(3):
        update.look()
    assert update.progress.waiting == 0


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


def take_and_die(update: StreamUpdate, lines: Sequence[Line], patch: pytest.MonkeyPatch) -> None:
    """The process ends after the vectors are written and before the lines are landed."""

    def die(rows: OpenRows) -> None:
        raise ProcessDied

    with patch.context() as patched:
        patched.setattr(OpenRows, "land", die)
        with pytest.raises(ProcessDied):
            update.take(lines, 0)


def test_lines_wait_until_features_are_online(live: Live, copied: Live, redis_url: str) -> None:
    offline = replace(copied, online=OnlineStore(redis_url, "nothing", 2))
    update = offline.update()
    update.take(live.lines[:50], 0)
    update.look()
    assert "no features of this source are online" in update.progress.problem
    assert update.progress.open_rows == 50 and not update.progress.vectors_written
    landed = [file.read_text().splitlines() for file in copied.profile.landed.glob("*/*.jsonl")]
    assert sum(map(len, landed)) == 50


def test_both_ways_give_the_same_vectors(
    taken: StreamUpdate, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Adding up open rows gives what the daily run's code gives; a planted fault shows."""
    current = taken.current
    assert current
    ids = [
        name
        for name, vector in vectors(live.online).items()
        if vector.as_of == AS_OF and current.is_simple(name)
    ]
    assert len(ids) > 5
    rows = live.open_rows()
    texts = texts_by_table(rows.of_customers(ids))
    days = {table: rows.days(table) for table in texts}
    expected = complex_vectors(current, ids, texts, days)
    assert expected and expected.ids == ids

    simple = simple_vectors(current, ids)
    assert np.array_equal(simple.matrix, expected.matrix, equal_nan=True)
    assert simple.states == expected.states
    monkeypatch.setattr(base, "UNITS", base.UNITS + 1)
    wrong = simple_vectors(current, ids)
    assert not np.array_equal(wrong.matrix, expected.matrix, equal_nan=True)


def test_vectors_equal_those_of_the_next_daily_run(
    taken: StreamUpdate, live: Live, copied: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Delivered in another order, with repeats, and by a process that dies on the way."""
    lines = [*live.lines, *live.lines[::3]]
    random.Random(4).shuffle(lines)
    half = len(lines) // 2
    take_and_die(copied.update(), lines[:half], monkeypatch)
    again = copied.update()
    again.take(lines[:half], 0)
    again.take([*lines[half:], BROKEN, NO_TEXT], 1)
    look(again)
    assert again.progress.quarantined_by_reason == {"the line is not a JSON object": 1}
    assert again.progress.unreadable_files == ["bytes.jsonl is not UTF-8 text"]
    streamed = vectors(copied.online)
    assert differing(streamed, vectors(live.online)) == []

    run_daily(copied.lake, copied.profile, copied.store, TODAY)
    daily = vectors(copied.online)
    moved = {name: vector for name, vector in streamed.items() if vector.as_of == AS_OF}
    assert len(moved) > 5
    assert differing(moved, {name: daily[name] for name in moved}) == []
    broken = copied.lake.read(keys.quarantine("transactions")).select("raw_text").collect()
    assert BROKEN.text in [row["raw_text"] for row in broken]
