"""The feature store against a real Redis: one round trip, a bounded wait, and the snapshot when Redis is away."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retention_assets.features.vectors import Vectors
from retention_assets.serving.publish import write_snapshot
from retention_assets_tests.serve.bundles import AS_OF, FEATURES, published
from retention_assets_tests.serve.redis_server import RedisServer
from serve.errors import UnavailableError
from serve.features.store import FeatureStore, Found
from serve.model.card import fingerprint_of

FINGERPRINT = fingerprint_of(FEATURES)
ROWS = {"a": [1.0, 2.0, 3.0], "b": [4.0, float("nan"), 6.0]}


def snapshot(root: Path, rows: dict[str, list[float]] = ROWS, as_of: date = AS_OF) -> None:
    write_snapshot(
        root,
        Vectors(sorted(rows), as_of, FEATURES, np.array([rows[name] for name in sorted(rows)]), []),
    )


def fetch(
    url: str,
    ids: list[str],
    snapshots: Path | None = None,
    fingerprint: str = FINGERPRINT,
    times: int = 1,
) -> Found:
    """The last of several fetches through one store."""

    async def run() -> Found:
        store = FeatureStore(url, 0.2, snapshots)
        try:
            for _ in range(times - 1):
                await store.fetch(ids, fingerprint, len(FEATURES))
            return await store.fetch(ids, fingerprint, len(FEATURES))
        finally:
            await store.close()

    return asyncio.run(run())


def values(found: Found) -> list[Any]:
    return [None if vector is None else vector.values.tolist() for vector in found.vectors]


def test_vectors_come_in_the_order_asked_and_strangers_are_none(redis_server: RedisServer) -> None:
    published(redis_server, {"a": ROWS["a"], "c": [7.0, 8.0, 9.0]})
    found = fetch(redis_server.url, ["c", "x", "a"])
    assert values(found) == [[7.0, 8.0, 9.0], None, ROWS["a"]]
    assert not found.degraded
    assert found.vectors[0] and found.vectors[0].as_of == AS_OF


def test_one_fetch_is_one_command(redis_server: RedisServer) -> None:
    published(redis_server, ROWS)
    with redis_server.client() as client:
        client.config_resetstat()
        fetch(redis_server.url, ["a", "b"])
        calls = {name: count["calls"] for name, count in client.info("commandstats").items()}
    assert {name for name in calls if "get" in name} == {"cmdstat_mget"}
    assert calls["cmdstat_mget"] == 1


def test_a_published_vector_is_in_the_next_answer(redis_server: RedisServer) -> None:
    async def run() -> list[Any]:
        store = FeatureStore(redis_server.url, 0.2, None)
        seen = []
        for number in (1.0, 2.0):
            published(redis_server, {"a": [number] * 3})
            seen.append(values(await store.fetch(["a"], FINGERPRINT, 3)))
        await store.close()
        return seen

    assert asyncio.run(run()) == [[[1.0] * 3], [[2.0] * 3]]


def test_without_redis_the_snapshot_answers_marked_degraded(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    snapshot(tmp_path)
    redis_server.stop()
    found = fetch(redis_server.url, ["a", "x"], tmp_path)
    assert values(found) == [ROWS["a"], None]
    assert found.degraded


def test_without_redis_and_snapshot_it_refuses(redis_server: RedisServer, tmp_path: Path) -> None:
    redis_server.stop()
    with pytest.raises(UnavailableError):
        fetch(redis_server.url, ["a"], tmp_path)


def test_a_redis_that_hangs_costs_the_deadline_and_then_nothing(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    published(redis_server, ROWS)
    snapshot(tmp_path)
    os.kill(redis_server.pid, signal.SIGSTOP)
    began = time.monotonic()
    assert fetch(redis_server.url, ["a"], tmp_path, times=100).degraded
    # Three deadlines of .2 s until the breaker opens; a hundred of them would be 20 s.
    assert time.monotonic() - began < 3.0
    os.kill(redis_server.pid, signal.SIGCONT)


def test_it_finds_a_redis_that_came_back(redis_server: RedisServer, tmp_path: Path) -> None:
    async def run() -> bool:
        store = FeatureStore(redis_server.url, 0.2, tmp_path)
        redis_server.stop()
        assert (await store.fetch(["a"], FINGERPRINT, 3)).degraded
        redis_server.start()
        published(redis_server, ROWS)
        found = await store.fetch(["a"], FINGERPRINT, 3)
        await store.close()
        return found.degraded

    snapshot(tmp_path)
    assert not asyncio.run(run())


def test_an_emptied_redis_does_not_make_strangers_of_customers(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    with pytest.raises(UnavailableError):
        fetch(redis_server.url, ["a"], tmp_path)
    snapshot(tmp_path)
    found = fetch(redis_server.url, ["a"], tmp_path)
    assert (values(found), found.degraded) == ([ROWS["a"]], True)


def test_vectors_of_other_features_are_never_used(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    published(redis_server, ROWS)
    with pytest.raises(UnavailableError):
        fetch(redis_server.url, ["a"], tmp_path, fingerprint="0" * 16)


def test_the_snapshot_written_last_answers_also_for_the_same_day(tmp_path: Path) -> None:
    async def run(again: Callable[[], None]) -> list[Any]:
        store = FeatureStore("unix:///nowhere/s", 0.2, tmp_path)
        first = values(await store.fetch(["a"], FINGERPRINT, 3))
        again()
        second = values(await store.fetch(["a"], FINGERPRINT, 3))
        await store.close()
        return first + second

    snapshot(tmp_path)
    assert asyncio.run(run(lambda: snapshot(tmp_path, {"a": [9.0] * 3}))) == [ROWS["a"], [9.0] * 3]
    assert values(fetch("unix:///nowhere/s", ["a"], tmp_path)) == [[9.0] * 3]


def test_snapshots_do_not_pile_up(tmp_path: Path) -> None:
    for days in range(5):
        snapshot(tmp_path, as_of=AS_OF + timedelta(days=days))
    assert len(list(tmp_path.iterdir())) == 2
