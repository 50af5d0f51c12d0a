"""The feature store against a real Redis: one round trip, a deadline, and the snapshot."""

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

from retention_assets.features.publish import write_snapshot
from retention_assets.features.vectors import Vectors
from retention_assets_tests.serve.bundles import AS_OF, FEATURES, HOME, publish_vectors
from retention_assets_tests.serve.redis_server import RedisServer
from serve.errors import UnavailableError
from serve.features.store import FetchedVectors, VectorReader
from serve.model.card import fingerprint_of
from serve.states import ACTIVE, LAPSED, LEFT

FINGERPRINT = fingerprint_of(FEATURES)
ROWS = {"a": [1.0, 2.0, 3.0], "b": [4.0, float("nan"), 6.0]}


def snapshot(
    root: Path,
    rows: dict[str, list[float]] = ROWS,
    as_of: date = AS_OF,
    *,
    state: str = ACTIVE,
    segment: str | None = None,
) -> None:
    ids = sorted(rows)
    matrix = np.array([rows[name] for name in ids])
    write_snapshot(
        root, Vectors(ids, [state] * len(ids), [segment] * len(ids), as_of, FEATURES, matrix, [])
    )


def fetch(
    url: str,
    ids: list[str],
    snapshots: Path | None = None,
    *,
    fingerprint: str = FINGERPRINT,
    times: int = 1,
) -> FetchedVectors:
    """The result of the last of several fetches through one store."""

    async def run() -> FetchedVectors:
        store = VectorReader(url, HOME, timeout_s=0.2, snapshots=snapshots)
        try:
            for _ in range(times - 1):
                await store.fetch(ids, fingerprint, len(FEATURES))
            return await store.fetch(ids, fingerprint, len(FEATURES))
        finally:
            await store.close()

    return asyncio.run(run())


def values(fetched: FetchedVectors) -> list[Any]:
    return [None if vector is None else vector.values.tolist() for vector in fetched.vectors]


def test_vectors_keep_the_order_and_unknown_ids_are_none(redis_server: RedisServer) -> None:
    publish_vectors(redis_server, {"a": ROWS["a"], "c": [7.0, 8.0, 9.0]}, states={"c": LEFT})
    fetched = fetch(redis_server.url, ["c", "x", "a"])
    assert values(fetched) == [[7.0, 8.0, 9.0], None, ROWS["a"]]
    assert [vector and vector.state for vector in fetched.vectors] == [LEFT, None, ACTIVE]
    assert not fetched.degraded
    assert fetched.vectors[0] and fetched.vectors[0].as_of == AS_OF


def test_fetch_is_a_single_redis_command(redis_server: RedisServer) -> None:
    publish_vectors(redis_server, ROWS)
    with redis_server.client() as client:
        client.config_resetstat()
        fetch(redis_server.url, ["a", "b", "unknown"])
        calls = {name: count["calls"] for name, count in client.info("commandstats").items()}
    assert {name for name in calls if "get" in name} == {"cmdstat_hmget"}
    assert calls["cmdstat_hmget"] == 1


def test_published_vector_is_used_immediately(redis_server: RedisServer) -> None:
    async def run() -> list[Any]:
        store = VectorReader(redis_server.url, HOME, timeout_s=0.2, snapshots=None)
        results = []
        for number in (1.0, 2.0):
            publish_vectors(redis_server, {"a": [number] * 3})
            results.append(values(await store.fetch(["a"], FINGERPRINT, 3)))
        await store.close()
        return results

    assert asyncio.run(run()) == [[[1.0] * 3], [[2.0] * 3]]


def test_snapshot_answers_without_redis_and_is_degraded(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    snapshot(tmp_path, state=LAPSED, segment="lapsed")
    redis_server.stop()
    fetched = fetch(redis_server.url, ["a", "x"], tmp_path)
    assert values(fetched) == [ROWS["a"], None]
    assert fetched.degraded and fetched.vectors[0]
    assert (fetched.vectors[0].state, fetched.vectors[0].segment) == (LAPSED, "lapsed")


def test_missing_redis_and_snapshot_raises_an_error(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    redis_server.stop()
    with pytest.raises(UnavailableError):
        fetch(redis_server.url, ["a"], tmp_path)


def test_hanging_redis_costs_only_a_few_deadlines(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    publish_vectors(redis_server, ROWS)
    snapshot(tmp_path)
    os.kill(redis_server.pid, signal.SIGSTOP)
    started = time.monotonic()
    assert fetch(redis_server.url, ["a"], tmp_path, times=100).degraded
    # Three deadlines of .2 s until the breaker opens; a hundred of them would be 20 s.
    assert time.monotonic() - started < 3.0
    os.kill(redis_server.pid, signal.SIGCONT)


def test_restarted_redis_is_used_again(redis_server: RedisServer, tmp_path: Path) -> None:
    async def run() -> bool:
        store = VectorReader(redis_server.url, HOME, timeout_s=0.2, snapshots=tmp_path)
        redis_server.stop()
        assert (await store.fetch(["a"], FINGERPRINT, 3)).degraded
        redis_server.start()
        publish_vectors(redis_server, ROWS)
        fetched = await store.fetch(["a"], FINGERPRINT, 3)
        await store.close()
        return fetched.degraded

    snapshot(tmp_path)
    assert not asyncio.run(run())


def test_empty_redis_does_not_make_customers_unknown(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    with pytest.raises(UnavailableError):
        fetch(redis_server.url, ["a"], tmp_path)
    snapshot(tmp_path)
    fetched = fetch(redis_server.url, ["a"], tmp_path)
    assert (values(fetched), fetched.degraded) == ([ROWS["a"]], True)


def test_vectors_of_other_features_are_not_used(redis_server: RedisServer, tmp_path: Path) -> None:
    publish_vectors(redis_server, ROWS)
    with pytest.raises(UnavailableError):
        fetch(redis_server.url, ["a"], tmp_path, fingerprint="0" * 16)


def test_last_written_snapshot_of_a_day_is_used(tmp_path: Path) -> None:
    async def run(rewrite: Callable[[], None]) -> list[Any]:
        store = VectorReader("unix:///nowhere/s", HOME, timeout_s=0.2, snapshots=tmp_path)
        first = values(await store.fetch(["a"], FINGERPRINT, 3))
        rewrite()
        second = values(await store.fetch(["a"], FINGERPRINT, 3))
        await store.close()
        return first + second

    snapshot(tmp_path)
    assert asyncio.run(run(lambda: snapshot(tmp_path, {"a": [9.0] * 3}))) == [ROWS["a"], [9.0] * 3]
    assert values(fetch("unix:///nowhere/s", ["a"], tmp_path)) == [[9.0] * 3]


def test_old_snapshots_are_deleted(tmp_path: Path) -> None:
    for days in range(5):
        snapshot(tmp_path, as_of=AS_OF + timedelta(days=days))
    assert len(list(tmp_path.iterdir())) == 2
