"""serving/* on a real lake, registry and Redis: the online store equals the feature tables."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import dagster as dg
import numpy as np
import pytest
from redis import Redis

from retention_assets.features.availability import model_features
from retention_assets.keys import CHAMPION_DEPLOYMENT as DEPLOYMENT
from retention_assets.keys import ONLINE_FEATURES as ONLINE
from retention_assets.platform import Platform
from retention_assets.resources.deployer import Deployer
from retention_assets.resources.lake import Lake
from retention_assets.resources.online import OnlineStore
from retention_assets.resources.registry import Registry
from retention_assets.serving import assets as serving
from retention_assets.settings import Settings
from retention_assets_tests.resources.models import promoted
from retention_assets_tests.runs import check_results, materialized
from retention_assets_tests.serve import bundles
from retention_assets_tests.serve.redis_server import RedisServer
from retention_assets_tests.services.current import AS_OF, Vector, fill
from retention_assets_tests.services.homes import free_ports
from serve.features.codec import encode
from serve.features.snapshot import newest_snapshot, open_snapshot
from serve.model.card import fingerprint_of
from serve.states import ACTIVE, LAPSED, LEFT, RETURNED, UNKNOWN

CUSTOMERS: dict[str, Vector] = {
    "C1": (0.0, 1.0, 0.0),
    "C2": (90.0, 0.1, 3.0),
    "C3": (None, 0.5, None),
}
UNKNOWN_ONE = {"C5": (1.0, 1.0, 1.0)}
STATES = {"C2": LAPSED, "C3": RETURNED, "C5": UNKNOWN}
EQUALS = "published_equals_table"


class Stage:
    """The stage's assets with everything that they need except Ray."""

    def __init__(
        self, lake: Lake, settings: Settings, registry: Registry, redis: RedisServer
    ) -> None:
        self.platform = Platform.of(settings)
        self.lake = lake
        self.redis = redis
        self.registry = registry
        self.online = OnlineStore(redis.url, settings.shared_name, ttl_days=1)
        self.deployer = Deployer.of(settings)

    def materialize(self, asset: str) -> dg.ExecuteInProcessResult:
        return self._run(dg.AssetSelection.assets(asset))

    def check(self, asset: str) -> dg.ExecuteInProcessResult:
        return self._run(dg.AssetSelection.checks_for_assets(dg.AssetKey.from_user_string(asset)))

    def _run(self, selection: dg.AssetSelection) -> dg.ExecuteInProcessResult:
        resources = {
            "lake": self.lake,
            "registry": self.registry,
            "online": self.online,
            "deployer": self.deployer,
        }
        with dg.DagsterInstance.ephemeral() as instance:
            stage = serving.assets(self.platform)
            return dg.materialize(
                stage,
                resources=resources,
                instance=instance,
                selection=selection,
                raise_on_error=False,
            )


@pytest.fixture(scope="module")
def filled(module_lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Three customers' features, and those of a customer of unknown state."""
    platform = Platform.of(Settings(home=tmp_path_factory.mktemp("home"), source="simulated"))
    fill(module_lake, platform, CUSTOMERS | UNKNOWN_ONE, states=STATES)
    return module_lake


@pytest.fixture
def stage(
    filled: Lake,
    copy_of: Callable[[Lake], Lake],
    registry_of: Callable[[Settings], Registry],
    tmp_path: Path,
    redis_server: RedisServer,
) -> Stage:
    settings = Settings(home=tmp_path / "home", source="simulated", **free_ports())
    registry = registry_of(settings)
    registry.prepare()
    return Stage(copy_of(filled), settings, registry, redis_server)


@pytest.fixture
def published(stage: Stage, tmp_path: Path) -> Stage:
    """Three customers' vectors are online, with the features of a champion."""
    promoted(stage.registry, tmp_path / "model")
    result = stage.materialize(ONLINE)
    assert result.success and check_results(result) == {EQUALS: True}
    return stage


def test_vectors_have_the_champions_features_in_order(published: Stage) -> None:
    stored = published.online.read([*CUSTOMERS, "C5"], bundles.FEATURES)
    assert [vector and vector.state for vector in stored] == [ACTIVE, LAPSED, RETURNED, None]
    segments = ["regulars", "lapsed", "regulars", None]
    assert [vector and vector.segment for vector in stored] == segments
    for vector, expected in zip(stored, CUSTOMERS.values(), strict=False):
        assert vector is not None and vector.as_of == AS_OF
        assert np.array_equal(vector.values, np.array(expected, dtype=float), equal_nan=True)
    assert stored[3] is None
    folder = newest_snapshot(published.deployer.snapshots, fingerprint_of(bundles.FEATURES))
    assert folder is not None and [
        vector is None for vector in open_snapshot(folder).find(["C1", "C4"])
    ] == [False, True]


def test_without_champion_all_declared_features_are_online(stage: Stage) -> None:
    result = stage.materialize(ONLINE)
    features = model_features(stage.platform.profile.tables)
    meta = stage.online.meta()
    assert result.success and check_results(result) == {EQUALS: True}
    assert meta is not None and meta["names"] == features and meta["rows"] == len(CUSTOMERS)
    assert materialized(result)[ONLINE]["features"] == len(features)
    assert set(materialized(result)[ONLINE]["features_absent"].split(", ")) == set(features) - set(
        bundles.FEATURES
    )


def test_customer_missing_from_tables_is_removed(published: Stage) -> None:
    fill(published.lake, published.platform, {"C1": CUSTOMERS["C1"]}, AS_OF + timedelta(days=1))
    result = published.materialize(ONLINE)
    assert check_results(result) == {EQUALS: True} and materialized(result)[ONLINE]["replaced"] == 3
    assert published.online.sample_ids(10) == ["C1"]


def test_older_refresh_replaces_nothing(published: Stage) -> None:
    fill(
        published.lake,
        published.platform,
        {**CUSTOMERS, "C1": (55.0, 0.2, 9.0)},
        AS_OF - timedelta(days=1),
    )
    snapshots = list(published.deployer.snapshots.iterdir())
    result = published.materialize(ONLINE)
    assert materialized(result)[ONLINE]["kept_newer"] == AS_OF.isoformat()
    assert check_results(result) == {EQUALS: False}
    (vector,) = published.online.read(["C1"], bundles.FEATURES)
    assert vector is not None and vector.as_of == AS_OF and vector.values[0] == 0.0
    assert list(published.deployer.snapshots.iterdir()) == snapshots


def test_store_that_differs_from_tables_fails_the_check(published: Stage) -> None:
    fingerprint = fingerprint_of(bundles.FEATURES)
    other = encode(fingerprint, AS_OF, np.array([1.0, 1.0, 0.0]), state=ACTIVE, segment="regulars")
    values = np.array([0.0, 1.0, 0.0])
    left = encode(fingerprint, AS_OF, values, state=LEFT, segment="regulars")
    moved = encode(fingerprint, AS_OF, values, state=ACTIVE, segment="champions")
    key = published.online.keys.current
    faults: dict[str, Callable[[Redis], object]] = {
        "changed": lambda redis: redis.hset(key, "C1", other),
        "of another state": lambda redis: redis.hset(key, "C1", left),
        "of another segment": lambda redis: redis.hset(key, "C1", moved),
        "removed": lambda redis: redis.hdel(key, "C2"),
        "added": lambda redis: redis.hset(key, "C9", other),
        "lost": lambda redis: redis.delete(key),
    }
    with published.redis.client() as redis:
        before = redis.dump(key)
        assert before is not None
        for fault, make_fault in faults.items():
            make_fault(redis)
            assert check_results(published.check(ONLINE)) == {EQUALS: False}, fault
            redis.restore(key, 0, before, replace=True)
    assert check_results(published.check(ONLINE)) == {EQUALS: True}


def test_without_champion_nothing_is_deployed(stage: Stage) -> None:
    result = stage.materialize(DEPLOYMENT)
    assert result.success and check_results(result) == {"deployed_digest_is_champion": True}
    assert materialized(result)[DEPLOYMENT]["deployment"] == "none: there is no champion yet"


def test_undeployed_champion_fails_the_check(published: Stage) -> None:
    assert check_results(published.check(DEPLOYMENT)) == {"deployed_digest_is_champion": False}
    failed = published.materialize(DEPLOYMENT)
    assert not failed.success and DEPLOYMENT not in materialized(failed)
    (failure,) = [
        event for event in failed.all_events if event.event_type == dg.DagsterEventType.STEP_FAILURE
    ]
    assert "No Ray cluster answers" in str(failure.step_failure_data.error)
