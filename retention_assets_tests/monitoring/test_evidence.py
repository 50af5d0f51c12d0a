"""The evidence for retraining: new labels, age in days of the data, drift, failed checks."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from retention_assets.modeling.examples import Examples
from retention_assets.monitoring.evidence import read_evidence, realized_figures
from retention_assets.resources.lake import Lake
from retention_assets_tests.modeling.factories import churn, examples
from retention_assets_tests.serve import bundles
from serve.model.card import Card
from serve.model.scorer import Scorer

MONDAYS = [date(2024, 3, day) for day in (4, 11, 18, 25)]
XGBOOST = "training/churn_xgboost"
FOREST = "training/churn_random_forest"


@pytest.fixture(scope="module")
def filled(module_lake: Lake) -> Lake:
    """Two labeled customers in each of four weeks; the drift of two features
    matters.
    """
    spark = module_lake.spark
    module_lake.overwrite(
        "validated/watermark", spark.createDataFrame([(date(2024, 7, 1),)], "watermark date")
    )
    rows = [(monday, name) for monday in MONDAYS for name in "ab"]
    module_lake.overwrite(
        "training/churn_examples", spark.createDataFrame(rows, "as_of date, customer_id string")
    )
    drift = [("a", 0.4, True), ("b", 0.9, False), ("c", 0.9, True)]
    module_lake.overwrite(
        "monitoring/feature_drift",
        spark.createDataFrame(drift, "feature string, effect double, matters boolean"),
    )
    return module_lake


def scored(lake: Lake, key: str, weeks: list[date]) -> None:
    lake.overwrite(key, lake.spark.createDataFrame([(week,) for week in weeks], "as_of date"))


def test_before_any_training_every_customer_is_new(filled: Lake) -> None:
    evidence = read_evidence(filled.read, [], [])
    assert (evidence.new_customers, evidence.days_since_training) == (2, None)
    assert not evidence.has_champion and evidence.untested_weeks == 4


def test_drifted_features_that_matter_are_listed_worst_first(filled: Lake) -> None:
    evidence = read_evidence(filled.read, [], ["a check"])
    assert evidence.drifted_features == ("c", "a")
    assert evidence.failed_checks == ("a check",)


def test_age_of_training_counts_labeled_weeks_since(filled: Lake) -> None:
    """Customers are counted, not their weeks."""
    scored(filled, XGBOOST, MONDAYS[:2])
    evidence = read_evidence(filled.read, [XGBOOST], [])
    assert (evidence.new_customers, evidence.days_since_training) == (2, 14)


def test_latest_training_of_all_candidates_counts(filled: Lake) -> None:
    scored(filled, XGBOOST, MONDAYS[:1])
    scored(filled, FOREST, MONDAYS)
    evidence = read_evidence(filled.read, [XGBOOST, FOREST], [])
    assert (evidence.new_customers, evidence.days_since_training) == (0, 0)


def test_refit_and_test_of_the_champion_count(filled: Lake) -> None:
    """A refit has learned from later weeks than the candidates were tested on."""
    scored(filled, XGBOOST, MONDAYS[:1])
    evidence = read_evidence(
        filled.read, [XGBOOST], [], trained_through=MONDAYS[2], tested_through=MONDAYS[0]
    )
    assert evidence.has_champion and evidence.days_since_training == 7
    assert evidence.untested_weeks == 3


@pytest.mark.parametrize(("turned", "is_below"), [(False, False), (True, True)])
def test_realized_auc_has_an_interval_by_customer(turned: bool, is_below: bool) -> None:
    """A champion that ranks by recency, where recency tells, and where it misleads."""
    data = examples(customers=200, weeks=4)
    if turned:
        data = replace(data, y=(1 - data.y).astype(np.int8))
    realized = realized_figures(by_recency(data), data, 0.7, churn(bootstrap_rounds=200))
    assert realized is not None and realized.recorded_auc == 0.7
    assert realized.auc < realized.auc_high
    assert (realized.auc_high < realized.recorded_auc) is is_below


def test_realized_auc_needs_rows_and_features() -> None:
    data = examples(customers=200, weeks=4)
    task = churn(bootstrap_rounds=200)
    few = data.take(np.arange(8))
    assert realized_figures(by_recency(data), few, 0.7, task) is None
    fewer = replace(data, features=("other", *data.features[1:]))
    assert realized_figures(by_recency(data), fewer, 0.7, task) is None


def by_recency(data: Examples) -> Scorer:
    card = Card.model_validate(bundles.card(features=list(data.features)))
    return Scorer(card, lambda X: X[:, 0] / (X[:, 0] + 30), digest="of recency")
