"""The audit's results: right examples pass, and a planted fault of each kind does not."""

from pathlib import Path

import numpy as np
import pytest

from retention_assets.features.expressions import DaysSince, GreaterThan, Sum
from retention_assets.features.feature import Feature
from retention_assets.features.measures import MEASURES_BY_NAME, Measure
from retention_assets.platform import Platform
from retention_assets.settings import Settings
from retention_assets.sources.profile import Profile
from retention_assets.training.columns import BOOKKEEPING, example_features
from retention_assets.training.leak_audit import results
from retention_assets.training.leak_audit.results import (
    compare_as_of,
    plant_future_values,
    replay_backfill,
    trace_label_columns,
)
from retention_assets_tests.training.leak_audit.factories import (
    KNOWN,
    LATER,
    NAN,
    readings,
    with_value,
)


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    return Platform.of(Settings(home=tmp_path, source="simulated")).profile


def test_right_examples_pass_every_part() -> None:
    right = readings()
    parts = [compare_as_of(right), replay_backfill(right), plant_future_values(right)]
    assert [part.passed for part in parts] == [True, True, True]
    assert parts[0].figures["values_that_differ_today"] == 7  # two of nine are unknown
    assert parts[2].figures == {
        "features_planted": 2,
        "features_refused": 2,
        "features_without_change": 1,
    }


@pytest.mark.parametrize("value", [34.0, NAN, np.nextafter(3.0, 4)])
def test_value_of_another_day_is_refused(value: float) -> None:
    """Today's value, no value, and the smallest difference there is."""
    result = compare_as_of(readings(stored=with_value(0, 1, value)))
    assert not result.passed and "recency_days on 2024-03-04" in result.summary
    assert result.figures["values_not_of_their_day"] == 1
    assert result.figures["values_of_today_instead"] == int(value == LATER[0, 1] + 1)


def test_customer_whom_no_reading_knows_is_refused() -> None:
    unknown = KNOWN.copy()
    unknown[2] = NAN
    assert not compare_as_of(readings(known=unknown)).passed


def test_values_that_late_facts_change_are_refused() -> None:
    result = replay_backfill(readings(replayed=with_value(2, 0, 31.0)))
    assert not result.passed and "tenure_days on 2024-03-11" in result.summary


def test_backfill_without_effect_proves_nothing() -> None:
    assert not replay_backfill(readings(in_time=KNOWN)).passed


def test_blind_audit_does_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the comparison sees nothing, no planted feature can be refused."""
    monkeypatch.setattr(results, "differs", lambda left, _: np.zeros(left.shape, bool))
    assert compare_as_of(readings(stored=LATER)).passed
    assert not plant_future_values(readings()).passed


def test_audit_blind_to_one_feature_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def compare(audited: results.Readings) -> results.AuditResult:
        hidden = audited.stored.copy()
        hidden[:, 0] = audited.known[:, 0]
        return compare_as_of(readings(stored=hidden))

    monkeypatch.setattr(results, "compare_as_of", compare)
    result = plant_future_values(readings())
    assert not result.passed and result.summary.endswith("Not refused: tenure_days.")


def test_declared_features_read_no_label_columns(profile: Profile) -> None:
    features = example_features(profile)
    stored = [*BOOKKEEPING, *(feature.name for feature in features)]
    result = trace_label_columns(features, profile, stored=stored, bookkeeping=BOOKKEEPING)
    assert result.passed and result.figures["features"] == len(features)
    assert "churn_events" not in str(result.figures["tables_read"])


def test_column_of_unknown_origin_is_refused(profile: Profile) -> None:
    features = example_features(profile)
    stored = [*BOOKKEEPING, "canceled_at"]
    result = trace_label_columns(features, profile, stored=stored, bookkeeping=BOOKKEEPING)
    assert not result.passed and result.summary.endswith("Refused: canceled_at.")


def test_feature_of_a_label_table_is_refused(
    profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = Measure("cancellations", "Cancellations.", "churn_events", "count")
    monkeypatch.setitem(MEASURES_BY_NAME, measure.name, measure)
    leak = Feature("cancellations_30d", "behavior", Sum("cancellations", 30), "Planted.")
    result = trace_label_columns([leak], profile, stored=[leak.name], bookkeeping=())
    assert not result.passed and result.figures["features_from_labels"] == 1
    assert result.figures["tables_read"] == "validated/churn_events"


def test_rule_that_defines_inactivity_is_refused(profile: Profile) -> None:
    churn = profile.churn.model_copy(update={"kind": "inactivity"})
    silent = profile.model_copy(update={"churn": churn})
    rule = Feature("silent", "behavior", GreaterThan(DaysSince("purchases"), 60), "Planted.")
    for source, passed in ((profile, True), (silent, False)):
        result = trace_label_columns([rule], source, stored=["silent"], bookkeeping=())
        assert result.passed is passed
