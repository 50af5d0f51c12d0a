"""One declaration, two engines: Spark over everybody and plain Python over one customer give the same numbers."""

import math
from datetime import date, timedelta
from typing import Any

import pytest

from retention_assets.features import engine_python
from retention_assets.features.declarations import FEATURES
from retention_assets.features.engine_spark import compute_features
from retention_assets.resources.lake import Lake
from retention_assets_tests.features.factories import START, World, frames, random_world

MOMENTS = [START + timedelta(days=day) for day in (1, 30, 75, 120, 200)]
WORLD = random_world(customers=60, days=200, seed=11)
Key = tuple[str, date]


def by_spark(lake: Lake, world: World, moments: list[date]) -> dict[Key, dict[str, Any]]:
    tiles, customers = frames(lake.spark, world)
    rows = compute_features(tiles, customers, moments, FEATURES, START).collect()
    return {
        (row["customer_id"], row["as_of"]): {
            feature.name: row[feature.name] for feature in FEATURES
        }
        for row in rows
    }


def by_python(world: World, moments: list[date]) -> dict[Key, dict[str, Any]]:
    found = {}
    for name in {row["customer_id"] for row in world.customers}:
        tiles = [row for row in world.tiles if row["customer_id"] == name]
        own = [row for row in world.customers if row["customer_id"] == name]
        for moment in moments:
            values = engine_python.compute_features(tiles, own, moment, FEATURES, START)
            if values is not None:
                found[name, moment] = values
    return found


def differences(
    left: dict[Key, dict[str, Any]], right: dict[Key, dict[str, Any]]
) -> list[tuple[Key, str, Any, Any]]:
    """Where the two disagree; null agrees with null only."""
    assert left.keys() == right.keys() and left
    return [
        (key, name, mine, right[key][name])
        for key, values in left.items()
        for name, mine in values.items()
        if not _same(mine, right[key][name])
    ]


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=1e-12, abs_tol=1e-12)


@pytest.fixture(scope="module")
def spark_values(lake: Lake) -> dict[Key, dict[str, Any]]:
    return by_spark(lake, WORLD, MOMENTS)


def test_both_engines_agree_row_for_row(spark_values: dict[Key, dict[str, Any]]) -> None:
    assert differences(spark_values, by_python(WORLD, MOMENTS)) == []
    known = {
        name
        for values in spark_values.values()
        for name, value in values.items()
        if value is not None
    }
    assert known == {
        feature.name for feature in FEATURES
    }  # no feature agrees by being unknown everywhere


def test_a_bug_planted_in_one_engine_is_found(
    spark_values: dict[Key, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_python, "UNITS", 9_999)
    assert differences(spark_values, by_python(WORLD, MOMENTS)) != []


def test_many_dates_in_one_pass_are_each_date_alone(
    lake: Lake, spark_values: dict[Key, dict[str, Any]]
) -> None:
    alone = by_spark(lake, WORLD, [MOMENTS[2]])
    assert (
        differences(
            {key: values for key, values in spark_values.items() if key[1] == MOMENTS[2]}, alone
        )
        == []
    )


def test_what_happens_or_is_learned_later_changes_nothing(
    lake: Lake, spark_values: dict[Key, dict[str, Any]]
) -> None:
    """Facts of the future, and facts of the past that arrive in the future, are not seen at t."""
    moment = MOMENTS[2]
    seen = World(
        [row for row in WORLD.tiles if row["event_date"] < moment and row["known_date"] <= moment],
        [
            row
            for row in WORLD.customers
            if row["event_ts"].date() < moment and row["ingested_ts"].date() < moment
        ],
    )
    assert len(seen.tiles) < len(WORLD.tiles) and len(seen.customers) < len(WORLD.customers)
    then = {key: values for key, values in spark_values.items() if key[1] == moment}
    assert differences(then, by_spark(lake, seen, [moment])) == []
