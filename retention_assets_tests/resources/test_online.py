"""The online store on a real Redis: reading back, order of days, expiry."""

import hashlib
from collections.abc import Iterator
from datetime import date

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retention_assets.resources.online import OnlineStore, Publication
from retention_assets_tests.serve.redis_server import RedisServer

NAMES = ["x", "y"]
MONDAY = date(2024, 3, 4)
TUESDAY = date(2024, 3, 5)


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    redis = RedisServer()
    redis.start()
    yield redis
    redis.remove()


@pytest.fixture
def online(server: RedisServer) -> OnlineStore:
    with server.client() as client:
        client.flushall()
    return OnlineStore(server.url, "home", ttl_days=30)


def publish(
    online: OnlineStore, rows: dict[str, float], as_of: date, source: str = "shop"
) -> Publication:
    matrix = np.array([[value, np.nan] for value in rows.values()]).reshape(len(rows), 2)
    return online.publish(source, NAMES, as_of, list(rows), matrix)


def stored(online: OnlineStore, customer_id: str) -> tuple[date, float] | None:
    (vector,) = online.read([customer_id], NAMES)
    return vector and (vector.as_of, float(vector.values[0]))


def test_published_vector_is_read_back(online: OnlineStore) -> None:
    assert publish(online, {"a": 1.0, "ü": 2.0}, MONDAY) == Publication(
        written=2, kept_newer=0, removed=0
    )
    assert (stored(online, "a"), stored(online, "ü"), stored(online, "b")) == (
        (MONDAY, 1.0),
        (MONDAY, 2.0),
        None,
    )
    assert online.read(["a"], ["y", "x"]) == [None]
    assert online.size() == 2
    assert online.meta() == {
        "source": "shop",
        "names": NAMES,
        "fingerprint": hashlib.sha256(b"x\ny").hexdigest()[:16],
        "as_of": "2024-03-04",
        "rows": 2,
    }


def test_older_vector_does_not_replace_newer(online: OnlineStore) -> None:
    publish(online, {"a": 2.0}, TUESDAY)
    assert publish(online, {"a": 1.0, "b": 1.0}, MONDAY) == Publication(
        written=1, kept_newer=1, removed=0
    )
    assert (stored(online, "a"), stored(online, "b")) == ((TUESDAY, 2.0), (MONDAY, 1.0))
    assert (online.meta() or {})["as_of"] == "2024-03-05"


def test_same_day_replaces_the_vector(online: OnlineStore) -> None:
    publish(online, {"a": 1.0}, MONDAY)
    publish(online, {"a": 3.0}, MONDAY)
    assert stored(online, "a") == (MONDAY, 3.0)


def test_missing_customers_are_removed(
    online: OnlineStore,
) -> None:
    publish(online, {"a": 1.0, "b": 1.0}, MONDAY)
    assert publish(online, {"b": 2.0}, TUESDAY).removed == 1
    assert stored(online, "a") is None
    assert publish(online, {"c": 1.0}, MONDAY).removed == 0
    assert stored(online, "b") == (TUESDAY, 2.0)


def test_new_source_clears_the_store(online: OnlineStore) -> None:
    publish(online, {"a": 1.0, "b": 1.0}, TUESDAY)
    assert publish(online, {"a": 5.0}, MONDAY, source="other shop") == Publication(
        written=1, kept_newer=0, removed=2
    )
    assert (stored(online, "a"), stored(online, "b")) == ((MONDAY, 5.0), None)


def test_vectors_expire(online: OnlineStore, server: RedisServer) -> None:
    publish(online, {"a": 1.0}, MONDAY)
    with server.client() as client:
        for key in (online.keys.of("a"), online.keys.meta):
            assert 29 * 86_400 < client.ttl(key) <= 30 * 86_400


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(days=st.permutations(range(5)))
def test_latest_day_remains_in_any_order(
    online: OnlineStore, server: RedisServer, days: list[int]
) -> None:
    with server.client() as client:
        client.flushall()
    for day in days:
        publish(online, {"a": float(day)}, date(2024, 1, 1 + day))
    assert stored(online, "a") == (date(2024, 1, 5), 4.0)


def test_thousands_of_vectors_are_published(online: OnlineStore) -> None:
    rows = {f"c-{number}": float(number) for number in range(3456)}
    assert publish(online, rows, MONDAY).written == online.size() == 3456
    assert stored(online, "c-3000") == (MONDAY, 3000.0)
    assert len(online.sample_ids(50)) == 50


def test_homes_on_one_redis_do_not_touch_each_other(
    online: OnlineStore, server: RedisServer
) -> None:
    """Not even where one home's name begins like the other's."""
    other = OnlineStore(server.url, "home-2", ttl_days=30)
    publish(online, {"a": 1.0, "b": 2.0}, MONDAY)
    publish(other, {"a": 9.0}, MONDAY, source="other shop")
    publish(online, {"a": 3.0}, MONDAY)
    assert [stored(store, "a") for store in (online, other)] == [(MONDAY, 3.0), (MONDAY, 9.0)]
    assert [store.size() for store in (online, other)] == [1, 1]
    sources = [(store.meta() or {}).get("source") for store in (online, other)]
    assert sources == ["shop", "other shop"]
