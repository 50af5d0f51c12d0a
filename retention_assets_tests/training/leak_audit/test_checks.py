"""The four checks on a real lake: they pass on right examples, and each planted leak fails one."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import dagster as dg
import pytest
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retention_assets import keys
from retention_assets.features import running_totals
from retention_assets.features.engine_spark import compute_features
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.settings import Settings
from retention_assets.training.checks import (
    FEATURES_OF_THEIR_DAY,
    FUTURE_VALUES_REFUSED,
    LATE_FACTS_CHANGE_NOTHING,
    NO_LABEL_COLUMNS,
    leak_audit,
)
from retention_assets.training.columns import BOOKKEEPING, example_features
from retention_assets.validation.versions import read_facts
from retention_assets_tests.features.factories import START, random_facts, write_facts
from retention_assets_tests.runs import check_results

DAYS = [START + timedelta(days=day) for day in (91, 105)]
LAST = START + timedelta(days=199)
PASSED = dict.fromkeys(
    (FEATURES_OF_THEIR_DAY, LATE_FACTS_CHANGE_NOTHING, FUTURE_VALUES_REFUSED, NO_LABEL_COLUMNS),
    True,
)


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    return Platform.of(Settings(home=tmp_path_factory.mktemp("home"), source="simulated"))


@pytest.fixture(scope="module")
def filled(module_lake: Lake, platform: Platform) -> Lake:
    """Customers who buy, change plans and are corrected, some late, and two weeks of examples."""
    write_facts(module_lake, random_facts(customers=30, days=200, seed=6), LAST)
    write_examples(module_lake, platform)
    return module_lake


@pytest.fixture
def changed(filled: Lake, copy_of: Callable[[Lake], Lake]) -> Lake:
    return copy_of(filled)


def write_examples(
    lake: Lake, platform: Platform, change: Callable[[DataFrame], DataFrame] = lambda rows: rows
) -> None:
    """The examples as the engine makes them now, changed."""
    features = example_features(platform.profile)
    vectors = compute_features(
        lake.read(keys.DAILY_ACTIVITY),
        read_facts(lake.read, "customers"),
        DAYS,
        features,
        platform.profile.start,
    )
    others = {name: F.lit(0) for name in BOOKKEEPING if name not in vectors.columns}
    label = F.pmod(F.xxhash64("customer_id"), F.lit(2)).cast("int")
    lake.overwrite(keys.CHURN_EXAMPLES, change(vectors.withColumns(others | {"label": label})))


def audit(lake: Lake, platform: Platform) -> dict[str, bool]:
    return check_results(run(lake, platform))


def run(lake: Lake, platform: Platform) -> dg.ExecuteInProcessResult:
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(
            [leak_audit(platform)],
            resources={"lake": lake},
            instance=instance,
            selection=dg.AssetSelection.all_asset_checks(),
            raise_on_error=False,
        )


def test_right_examples_pass_and_show_figures(filled: Lake, platform: Platform) -> None:
    result = run(filled, platform)
    evaluations = result.get_asset_check_evaluations()
    assert {item.check_name: item.passed for item in evaluations} == PASSED
    assert all(item.blocking and item.description for item in evaluations)
    figures: dict[str, Any] = {
        name: value.value for item in evaluations for name, value in item.metadata.items()
    }
    assert figures["values_not_of_their_day"] == figures["values_changed_by_late_facts"] == 0
    assert figures["values_that_differ_today"] > 0
    assert figures["examples_changed_by_facts_in_time"] == figures["examples"] > 40
    assert figures["features_refused"] == figures["features_planted"] > 30


def test_naive_join_fails_the_audit(changed: Lake, platform: Platform) -> None:
    """Each example with the features that its customer has today."""
    names = [feature.name for feature in example_features(platform.profile)]
    today = compute_features(
        changed.read(keys.DAILY_ACTIVITY),
        read_facts(changed.read, "customers"),
        [LAST + timedelta(days=1)],
        example_features(platform.profile),
        platform.profile.start,
    ).drop("as_of")
    write_examples(changed, platform, lambda rows: rows.drop(*names).join(today, "customer_id"))
    passed = audit(changed, platform)
    assert passed == PASSED | {FEATURES_OF_THEIR_DAY: False, LATE_FACTS_CHANGE_NOTHING: False}


def test_engine_that_sees_late_facts_fails_the_audit(
    changed: Lake, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It made the examples, and makes the readings too."""

    def happened(event_date: Column, _: Column, days: int = 0) -> Column:
        return F.date_add(event_date, days + 1)

    monkeypatch.setattr(running_totals, "visible_from", happened)
    write_examples(changed, platform)
    assert audit(changed, platform)[LATE_FACTS_CHANGE_NOTHING] is False


def test_engine_that_sees_the_future_fails_the_audit(
    changed: Lake, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    visible_from = running_totals.visible_from

    def two_days_early(event_date: Column, arrival_date: Column, days: int = 0) -> Column:
        return F.date_sub(visible_from(event_date, arrival_date, days), 2)

    monkeypatch.setattr(running_totals, "visible_from", two_days_early)
    write_examples(changed, platform)
    assert audit(changed, platform)[FEATURES_OF_THEIR_DAY] is False


def test_column_of_unknown_origin_fails_the_audit(changed: Lake, platform: Platform) -> None:
    write_examples(changed, platform, lambda rows: rows.withColumn("canceled", F.col("label")))
    assert audit(changed, platform) == PASSED | {NO_LABEL_COLUMNS: False}


def test_no_examples_pass(changed: Lake, platform: Platform) -> None:
    write_examples(changed, platform, lambda rows: rows.where(F.lit(False)))
    assert audit(changed, platform) == PASSED
