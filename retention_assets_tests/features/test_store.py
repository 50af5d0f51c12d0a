"""The feature store on a real lake and a real Redis: every path gives the same values."""

import math
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyspark.sql import functions as F

from retention_assets import keys
from retention_assets.errors import DuplicateKeyError, FeatureRequestError, OnlineReadError
from retention_assets.features.store import FeatureStore
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.resources.online import OnlineStore
from retention_assets.settings import Settings
from retention_assets_tests.features.factories import START, random_facts, write_facts
from retention_assets_tests.serve.redis_server import RedisServer
from serve.features.snapshot import newest_snapshot, open_snapshot
from serve.model.card import fingerprint_of
from serve.states import STATES, UNKNOWN

LAST = START + timedelta(days=199)
TODAY = LAST + timedelta(days=1)
DAYS = [START + timedelta(days=day) for day in (30, 75, 120)]
NAMES = ["recency_days", "plan_basic", "engagement_score"]
PAIRS = [("C0005", DAYS[1]), ("C0006", DAYS[2]), ("nobody", DAYS[0]), ("C0006", DAYS[2])]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    return Platform.of(Settings(home=tmp_path_factory.mktemp("home"), source="simulated"))


@pytest.fixture(scope="module")
def filled(module_lake: Lake) -> Lake:
    """The validated tables and tiles of customers who buy, change plans and are corrected."""
    write_facts(module_lake, random_facts(customers=12, days=200, seed=1), LAST)
    return module_lake


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    server = RedisServer()
    server.start()
    yield server.url
    server.remove()


@pytest.fixture(scope="module")
def store(
    filled: Lake, platform: Platform, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> FeatureStore:
    online = OnlineStore(redis_url, "shop", ttl_days=2)
    store = FeatureStore(filled, platform.profile, online, tmp_path_factory.mktemp("snapshots"))
    store.create_feature_tables()
    return store


@pytest.fixture
def changed(
    filled: Lake, copy_of: Callable[[Lake], Lake], platform: Platform, redis_url: str
) -> FeatureStore:
    """A store whose tables a test may change, and whose online features are its own."""
    return FeatureStore(copy_of(filled), platform.profile, OnlineStore(redis_url, "copy", 1))


def as_rows(pairs: list[tuple[str, date]]) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": [c for c, _ in pairs], "as_of": [d for _, d in pairs]})


def same(left: float | None, right: float | None) -> bool:
    if left is None or right is None:
        return left is right
    return math.isclose(left, right, rel_tol=1e-12, abs_tol=1e-12)


def test_tables_hold_every_known_customer_once(store: FeatureStore, filled: Lake) -> None:
    rows = store.create_feature_tables()
    assert set(rows) == {
        "features/customer_state",
        *(f"features/customer_{group}" for group in ("demographics", "transactions", "behavior")),
    }
    customers = filled.read(keys.CUSTOMERS).select("customer_id").distinct().count()
    assert set(rows.values()) == {customers}
    days = filled.read(keys.CUSTOMER_STATE).select("as_of").distinct().collect()
    assert [row["as_of"] for row in days] == [TODAY]


def test_history_keeps_order_repeats_and_unknown_rows(store: FeatureStore) -> None:
    rows = as_rows(PAIRS).assign(label=[1, 0, 1, 0])
    result = store.get_historical_features(rows)
    frame = result.frame.toPandas()
    assert list(zip(frame["customer_id"], frame["as_of"], strict=True)) == PAIRS
    assert list(frame["label"]) == [1, 0, 1, 0]
    assert list(frame.columns[3:]) == [feature.name for feature in store.features]
    assert frame.iloc[2, 3:].isna().all() and not frame.iloc[1, 3:].isna().all()
    assert frame.iloc[1, 3:].equals(frame.iloc[3, 3:])
    assert (result.unknown, list(result.unknown_pairs)) == (1, [("nobody", DAYS[0])])


@pytest.mark.parametrize("kind", ["arrow", "spark", "midnights", "texts"])
def test_rows_of_any_kind_give_the_same_values(
    store: FeatureStore, filled: Lake, kind: str
) -> None:
    midnights = [datetime(day.year, day.month, day.day, tzinfo=UTC) for _, day in PAIRS]
    rows = {
        "arrow": lambda: pa.Table.from_pandas(as_rows(PAIRS)),
        "spark": lambda: filled.spark.createDataFrame(PAIRS, "customer_id string, as_of date"),
        "midnights": lambda: as_rows(PAIRS).assign(as_of=midnights),
        "texts": lambda: as_rows(PAIRS).assign(as_of=[str(day) for _, day in PAIRS]),
    }[kind]()
    frame = store.get_historical_features(rows, NAMES).frame.toPandas()
    expected = store.get_historical_features(as_rows(PAIRS), NAMES).frame.toPandas()
    left, right = (
        part.sort_values(["customer_id", "as_of"], ignore_index=True) for part in (frame, expected)
    )
    pd.testing.assert_frame_equal(left, right, check_exact=True)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (pd.DataFrame({"customer_id": ["C1"]}), "lack as_of"),
        (as_rows([("C1", TODAY + timedelta(days=1))]), "can still change"),
        (pd.DataFrame({"customer_id": ["C1"], "as_of": ["2024-03-04 09:30:00"]}), "no midnight"),
        (pd.DataFrame({"customer_id": ["C1"], "as_of": ["soon"]}), "no midnight"),
        (pd.DataFrame({"customer_id": ["C1", None], "as_of": [DAYS[0]] * 2}), "no customer_id"),
        (as_rows(PAIRS).assign(recency_days=1.0), "names of features: recency_days"),
    ],
)
def test_rows_without_a_meaning_are_refused(
    store: FeatureStore, rows: pd.DataFrame, message: str
) -> None:
    with pytest.raises(FeatureRequestError, match=f"{message}.* Fix: "):
        store.get_historical_features(rows)


def test_unknown_feature_is_named(store: FeatureStore) -> None:
    with pytest.raises(FeatureRequestError, match="no features clv, vip"):
        store.get_historical_features(as_rows(PAIRS), ["clv", "tenure_days", "vip"])


def test_one_customer_in_python_equals_the_batch(store: FeatureStore) -> None:
    pairs = [(f"C{number:04d}", day) for number in range(12) for day in (*DAYS, TODAY)]
    batch = store.get_historical_features(as_rows([*pairs, ("nobody", TODAY)]))
    known = 0
    for row in batch.frame.collect():
        alone = store.compute_for_customer(row["customer_id"], row["as_of"])
        names = [feature.name for feature in store.features]
        if alone is None:
            assert all(row[name] is None for name in names)
            continue
        known += 1
        assert [name for name in names if not same(alone[name], row[name])] == []
    assert known == len(pairs) + 1 - batch.unknown > 20


def test_one_customer_needs_no_spark(
    filled: Lake, platform: Platform, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lake, "_start", lambda _: pytest.fail("Spark was started"))
    lake = Lake(root=filled.root, home=filled.home, spark_conf={})
    store = FeatureStore(lake, platform.profile, OnlineStore(redis_url, "shop", ttl_days=2))
    values = store.compute_for_customer("C0006", DAYS[2], NAMES)
    assert values is not None and list(values) == NAMES
    assert store.compute_for_customer("O'Hara", DAYS[2]) is None
    with pytest.raises(FeatureRequestError, match="can still change"):
        store.compute_for_customer("C0006", TODAY + timedelta(days=1))


def test_correction_holds_for_one_customer_too(changed: FeatureStore, filled: Lake) -> None:
    """A plan is corrected on day 60, and the first sign-up is removed on day 100."""
    first = filled.read(keys.CUSTOMERS).where("customer_id = 'C0006'").limit(1)
    moment = datetime(2024, 1, 5, 12, tzinfo=UTC)
    versions = [
        ("basic", 0, False, False),
        ("premium", 60, True, False),
        ("premium", 100, True, True),
    ]
    lake = changed._lake
    for plan, days, is_correction, is_gone in versions:
        arrival = F.lit(moment + timedelta(days=days))
        row = first.withColumns(
            {
                "customer_id": F.lit("C9"),
                "event_ts": F.lit(moment),
                "ingested_ts": arrival,
                "stated_ts": arrival,
                "plan": F.lit(plan),
                "is_correction": F.lit(is_correction),
                "is_gone": F.lit(is_gone),
            }
        )
        row.write.format("delta").mode("append").save(lake.path(keys.CUSTOMERS))
    days = [moment.date() + timedelta(days=after) for after in (1, 60, 61, 100, 101)]
    rows = changed.get_historical_features(as_rows([("C9", day) for day in days]), ["plan_basic"])
    batch = [row["plan_basic"] for row in rows.frame.collect()]
    alone = [changed.compute_for_customer("C9", day, ["plan_basic"]) for day in days]
    assert batch == [1.0, 1.0, 0.0, 0.0, None]
    assert [values and values["plan_basic"] for values in alone] == batch


def test_online_features_equal_the_history(store: FeatureStore) -> None:
    publication = store.publish_online()
    ids = ["C0005", "nobody", "C0006", ""]
    online = store.get_features_for_inference(ids)
    rows = as_rows([(name, TODAY) for name in ids[:3]])
    history = store.get_historical_features(rows, online.features).frame.toPandas()
    matrix = history[online.features].to_numpy(dtype=float)
    assert np.array_equal(online.matrix[:3], matrix, equal_nan=True)
    assert publication.written > 5 and online.as_of == TODAY
    assert (online.customer_ids, online.missing) == (ids, ["nobody", ""])
    assert set(online.states) <= set(STATES) and online.states[1] == UNKNOWN
    assert 0 <= online.age_s < 60 and online.age_s + online.expires_in_s == 2 * 86_400
    table = online.to_arrow()
    assert table["recency_days"].null_count == 2 and table["as_of"][0].as_py() == TODAY
    snapshots = store._snapshots
    folder = snapshots and newest_snapshot(snapshots, online.fingerprint)
    assert folder and open_snapshot(folder).find(["C0005"])[0] is not None


def test_reader_of_a_former_list_goes_on(changed: FeatureStore) -> None:
    """A feature was added before, between and after those that the reader knows."""
    changed.create_feature_tables()
    changed.publish_online(NAMES[:2])
    before = changed.get_features_for_inference(["C0006"], NAMES[:2])
    changed.publish_online(["tenure_days", NAMES[1], "orders_total", NAMES[0], NAMES[2]])
    after = changed.get_features_for_inference(["C0006"], NAMES[:2])
    assert after.features == before.features == NAMES[:2]
    assert np.array_equal(after.matrix, before.matrix, equal_nan=True)
    assert after.fingerprint != before.fingerprint == fingerprint_of(NAMES[:2])
    with pytest.raises(OnlineReadError, match=f"fingerprint {after.fingerprint}, not .* Fix: "):
        changed.get_features_for_inference(["C0006"], fingerprint=before.fingerprint)


def test_removed_feature_is_named(changed: FeatureStore) -> None:
    changed.create_feature_tables()
    changed.publish_online(NAMES[1:])
    with pytest.raises(OnlineReadError, match="never published: recency_days"):
        changed.get_features_for_inference(["C0006"], NAMES)


def test_nothing_online_is_an_error(filled: Lake, platform: Platform, redis_url: str) -> None:
    empty = FeatureStore(filled, platform.profile, OnlineStore(redis_url, "empty", 1))
    with pytest.raises(OnlineReadError, match=r"or they expired\. Fix: "):
        empty.get_features_for_inference(["C0006"])


def test_repeated_customer_is_not_published(changed: FeatureStore) -> None:
    changed.create_feature_tables()
    lake = changed._lake
    key = keys.customer_features("behavior")
    row = lake.read(key).where("customer_id = 'C0006'")
    row.write.format("delta").mode("append").save(lake.path(key))
    with pytest.raises(DuplicateKeyError, match=f"{key} .*customer_id.* C0006"):
        changed.publish_online()
