"""The online store on a real Redis: whole publications, order of days, expiry."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Event

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retention_assets.errors import PublicationError
from retention_assets.resources.online import OnlineStore, Publication
from retention_assets_tests.serve.redis_server import RedisServer
from serve.states import ACTIVE

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
    return online.publish(
        source,
        NAMES,
        as_of,
        ids=list(rows),
        states=[ACTIVE] * len(rows),
        segments=[None] * len(rows),
        matrix=matrix,
    )


def stored(online: OnlineStore, customer_id: str) -> tuple[date, float] | None:
    (vector,) = online.read([customer_id], NAMES)
    return vector and (vector.as_of, float(vector.values[0]))


class Customers(list[str]):
    """Customer ids; `during` is called before the one at position 2000 is read."""

    def __init__(self, ids: Iterable[str], during: Callable[[], object]) -> None:
        super().__init__(ids)
        self.during = during

    def __iter__(self) -> Iterator[str]:
        for position in range(len(self)):
            if position == 2000:
                self.during()
            yield self[position]


class Dies(Exception):
    """A publisher that does not come to its end."""


def publish_half(online: OnlineStore, as_of: date, during: Callable[[], object]) -> Publication:
    """Publishes 2,500 customers, `a` among them; `during` is called after 2,000 were sent."""
    ids = Customers(["a", *(f"c-{number}" for number in range(2499))], during)
    matrix = np.full((2500, 2), -1.0)
    return online.publish(
        "shop",
        NAMES,
        as_of,
        ids=ids,
        states=[ACTIVE] * 2500,
        segments=[None] * 2500,
        matrix=matrix,
    )


def die() -> None:
    raise Dies


def test_published_vector_is_read_back(online: OnlineStore) -> None:
    assert publish(online, {"a": 1.0, "ü": 2.0}, MONDAY) == Publication(written=2, replaced=0)
    assert (stored(online, "a"), stored(online, "ü"), stored(online, "b")) == (
        (MONDAY, 1.0),
        (MONDAY, 2.0),
        None,
    )
    assert online.read(["a"], ["y", "x"]) == [None]
    assert online.size() == 2
    assert set(online.sample_ids(10)) == {"a", "ü"}
    metadata = online.meta() or {}
    assert len(metadata.pop("publication")) == 32
    assert metadata == {
        "source": "shop",
        "names": NAMES,
        "fingerprint": hashlib.sha256(b"x\ny").hexdigest()[:16],
        "as_of": "2024-03-04",
        "rows": 2,
    }


def test_empty_store_has_no_customers(online: OnlineStore) -> None:
    assert (online.size(), online.sample_ids(3), online.read([], NAMES)) == (0, [], [])
    assert online.meta() is None


def test_older_publication_changes_nothing(online: OnlineStore) -> None:
    publish(online, {"a": 2.0}, TUESDAY)
    assert publish(online, {"a": 1.0, "b": 1.0}, MONDAY) == Publication(
        written=0, replaced=0, kept_newer=TUESDAY
    )
    assert (stored(online, "a"), stored(online, "b")) == ((TUESDAY, 2.0), None)
    assert (online.meta() or {})["as_of"] == "2024-03-05"


def test_same_day_replaces_the_vector(online: OnlineStore) -> None:
    publish(online, {"a": 1.0}, MONDAY)
    publish(online, {"a": 3.0}, MONDAY)
    assert stored(online, "a") == (MONDAY, 3.0)


def test_repeated_publication_gives_the_same_set(online: OnlineStore) -> None:
    publish(online, {"a": 1.0, "b": 2.0}, MONDAY)
    assert publish(online, {"a": 1.0, "b": 2.0}, MONDAY) == Publication(written=2, replaced=2)
    assert online.size() == 2
    assert (stored(online, "a"), stored(online, "b")) == ((MONDAY, 1.0), (MONDAY, 2.0))


def test_missing_customers_are_removed(online: OnlineStore) -> None:
    publish(online, {"a": 1.0, "b": 1.0}, MONDAY)
    assert publish(online, {"b": 2.0}, TUESDAY) == Publication(written=1, replaced=2)
    assert (stored(online, "a"), stored(online, "b")) == (None, (TUESDAY, 2.0))


def test_new_source_replaces_any_day(online: OnlineStore) -> None:
    publish(online, {"a": 1.0, "b": 1.0}, TUESDAY)
    assert publish(online, {"a": 5.0}, MONDAY, source="other shop") == Publication(1, replaced=2)
    assert (stored(online, "a"), stored(online, "b")) == ((MONDAY, 5.0), None)


def test_reader_sees_the_old_set_while_one_is_written(online: OnlineStore) -> None:
    publish(online, {"a": 1.0, "b": 2.0}, MONDAY)
    during: list[tuple] = []

    def look() -> None:
        vectors = (stored(online, "a"), stored(online, "b"), stored(online, "c-1"))
        during.append((*vectors, online.size(), (online.meta() or {})["rows"]))

    publish_half(online, TUESDAY, look)
    assert during == [((MONDAY, 1.0), (MONDAY, 2.0), None, 2, 2)]
    assert (stored(online, "a"), stored(online, "b")) == ((TUESDAY, -1.0), None)
    assert online.size() == 2500


def test_next_publication_removes_what_a_dead_one_left(
    online: OnlineStore, server: RedisServer
) -> None:
    publish(online, {"a": 1.0}, MONDAY)
    with pytest.raises(Dies):
        publish_half(online, TUESDAY, die)
    assert (stored(online, "a"), online.size()) == ((MONDAY, 1.0), 1)
    with server.client() as client:
        assert client.hlen(online.keys.draft) == 2001
        assert 0 < client.ttl(online.keys.draft) <= 86_400
        publish(online, {"a": 2.0}, MONDAY)
        assert client.keys() == [online.keys.current.encode()]
        assert set(client.hkeys(online.keys.current)) == {b"", b"a"}


@pytest.mark.parametrize("day", [MONDAY, TUESDAY])
def test_publication_that_starts_last_continues(online: OnlineStore, day: date) -> None:
    """Also as of an older day than that of the one that it stops: what is online is older still."""
    publish(online, {"a": 1.0}, date(2024, 3, 3))
    with pytest.raises(PublicationError, match="Fix: "):
        publish_half(online, TUESDAY, lambda: publish(online, {"a": 5.0}, day))
    assert (stored(online, "a"), online.size()) == ((day, 5.0), 1)


def test_refused_publication_stops_no_other(online: OnlineStore) -> None:
    publish(online, {"a": 1.0}, TUESDAY)
    wednesday = date(2024, 3, 6)
    result = publish_half(online, wednesday, lambda: publish(online, {"a": 5.0}, MONDAY))
    assert result.written == 2500
    assert stored(online, "a") == (wednesday, -1.0)


def test_readers_see_one_publication_under_load(online: OnlineStore) -> None:
    """Each read gets the same value for all customers while other values are published."""
    ids = [f"c-{number}" for number in range(50)]
    publish(online, dict.fromkeys(ids, 0.0), MONDAY)
    stop = Event()

    def read_until_stopped() -> set[int]:
        different = set()
        while not stop.is_set():
            vectors = online.read(ids, NAMES)
            different.add(len({vector and float(vector.values[0]) for vector in vectors}))
        return different

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read_until_stopped) for _ in range(2)]
        for number in range(100):
            publish(online, dict.fromkeys(ids, float(number)), MONDAY)
        stop.set()
    assert [reader.result() for reader in readers] == [{1}, {1}]


def test_vectors_expire(online: OnlineStore, server: RedisServer) -> None:
    publish(online, {"a": 1.0}, MONDAY)
    with server.client() as client:
        assert 29 * 86_400 < client.ttl(online.keys.current) <= 30 * 86_400


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


def update(online: OnlineStore, meta: dict, rows: dict[str, float], as_of: date) -> int | None:
    return online.update(
        meta,
        as_of,
        ids=list(rows),
        states=[ACTIVE] * len(rows),
        segments=[None] * len(rows),
        matrix=np.array([[value, np.nan] for value in rows.values()]),
    )


def test_single_vectors_never_become_older(online: OnlineStore) -> None:
    publish(online, {"ann": 1.0, "bob": 1.0}, MONDAY)
    meta = online.meta()
    assert meta
    assert update(online, meta, {"ann": 2.0, "new": 2.0}, TUESDAY) == 2
    assert update(online, meta, {"ann": 3.0, "bob": 3.0}, MONDAY) == 1
    assert stored(online, "ann") == (TUESDAY, 2.0)
    assert stored(online, "bob") == (MONDAY, 3.0)
    assert stored(online, "new") == (TUESDAY, 2.0)


def test_vectors_of_an_earlier_publication_are_refused(online: OnlineStore) -> None:
    publish(online, {"ann": 1.0}, MONDAY)
    meta = online.meta()
    assert meta
    publish(online, {"ann": 2.0}, MONDAY)
    assert update(online, meta, {"ann": 3.0}, TUESDAY) is None
    assert stored(online, "ann") == (MONDAY, 2.0)
