"""Both engines, Spark over all customers and Python over one, compute the same features."""

import math
from datetime import date, timedelta
from statistics import stdev
from typing import Any

import pytest

from retention_assets.features import engine_python, engine_spark
from retention_assets.features.declarations import FEATURES
from retention_assets.features.engine_spark import compute_features
from retention_assets.resources.lake import Lake
from retention_assets_tests.features.factories import START, Facts, frames, random_facts

AS_OF_DATES = [START + timedelta(days=day) for day in (1, 30, 75, 120, 200, 400)]
FACTS = random_facts(customers=60, days=200, seed=11)
Key = tuple[str, date]


def by_spark(lake: Lake, facts: Facts, as_of_dates: list[date]) -> dict[Key, dict[str, Any]]:
    tiles, customers = frames(lake.spark, facts)
    rows = compute_features(tiles, customers, as_of_dates, FEATURES, START).collect()
    return {
        (row["customer_id"], row["as_of"]): {
            feature.name: row[feature.name] for feature in FEATURES
        }
        for row in rows
    }


def by_python(facts: Facts, as_of_dates: list[date]) -> dict[Key, dict[str, Any]]:
    features = {}
    for name in {row["customer_id"] for row in facts.customers}:
        tiles = [row for row in facts.tiles if row["customer_id"] == name]
        customers = [row for row in facts.customers if row["customer_id"] == name]
        for as_of in as_of_dates:
            values = engine_python.compute_features(tiles, customers, as_of, FEATURES, START)
            if values is not None:
                features[name, as_of] = values
    return features


def differences(
    left: dict[Key, dict[str, Any]], right: dict[Key, dict[str, Any]]
) -> list[tuple[Key, str, Any, Any]]:
    """Where the two disagree; null agrees with null only."""
    assert left.keys() == right.keys() and left
    return [
        (key, name, value, right[key][name])
        for key, values in left.items()
        for name, value in values.items()
        if not _same(value, right[key][name])
    ]


def _same(left: float | None, right: float | None) -> bool:
    if left is None or right is None:
        return left is right
    return math.isclose(left, right, rel_tol=1e-12, abs_tol=1e-12)


@pytest.fixture(scope="module")
def spark_values(lake: Lake) -> dict[Key, dict[str, Any]]:
    return by_spark(lake, FACTS, AS_OF_DATES)


def test_engines_agree_on_every_row(spark_values: dict[Key, dict[str, Any]]) -> None:
    assert differences(spark_values, by_python(FACTS, AS_OF_DATES)) == []
    known = {
        name
        for values in spark_values.values()
        for name, value in values.items()
        if value is not None
    }
    assert known == {feature.name for feature in FEATURES}  # none agrees only because it is unknown


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("UNITS", 9_999),
        ("_variation", lambda parts: None if None in parts else stdev(parts)),
        ("_weighted_sum", lambda terms, _: sum(term.weight for term in terms)),
    ],
)
def test_bug_in_python_engine_is_detected(
    name: str,
    wrong: Any,
    spark_values: dict[Key, dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine_python, name, wrong)
    assert differences(spark_values, by_python(FACTS, AS_OF_DATES)) != []


@pytest.mark.parametrize(
    ("name", "feature", "wrong"),
    [
        ("_variation", "purchase_variation_180d", lambda parts: parts[0]),
        ("_added", "purchase_rate_decayed", lambda terms: terms[0]),
    ],
)
def test_bug_in_spark_engine_is_detected(
    name: str, feature: str, wrong: Any, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_spark, name, wrong)
    declared = [item for item in FEATURES if item.name == feature]
    tiles, customers = frames(lake.spark, FACTS)
    day = AS_OF_DATES[-2]
    rows = compute_features(tiles, customers, [day], declared, START).collect()
    expected = by_python(FACTS, [day])
    assert [
        row for row in rows if not _same(row[feature], expected[row["customer_id"], day][feature])
    ]


def test_dates_in_one_pass_equal_each_date_alone(
    lake: Lake, spark_values: dict[Key, dict[str, Any]]
) -> None:
    alone = by_spark(lake, FACTS, [AS_OF_DATES[2]])
    assert (
        differences(
            {key: values for key, values in spark_values.items() if key[1] == AS_OF_DATES[2]}, alone
        )
        == []
    )


def test_later_facts_and_late_arrivals_change_nothing(
    lake: Lake, spark_values: dict[Key, dict[str, Any]]
) -> None:
    """Facts after t, and facts before t that arrive after t, are invisible at t."""
    as_of = AS_OF_DATES[2]
    visible = Facts(
        [row for row in FACTS.tiles if row["event_date"] < as_of and row["arrival_date"] < as_of],
        [
            row
            for row in FACTS.customers
            if row["event_ts"].date() < as_of and row["ingested_ts"].date() < as_of
        ],
    )
    assert len(visible.tiles) < len(FACTS.tiles) and len(visible.customers) < len(FACTS.customers)
    then = {key: values for key, values in spark_values.items() if key[1] == as_of}
    assert differences(then, by_spark(lake, visible, [as_of])) == []
