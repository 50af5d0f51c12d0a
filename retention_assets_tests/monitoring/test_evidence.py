"""What the retraining decision is made on: labels since the last training, its age in the data's own days, drift, checks."""

from datetime import date

import pytest

from retention_assets.monitoring.evidence import evidence
from retention_assets.resources.lake import Lake

MONDAYS = [date(2024, 3, day) for day in (4, 11, 18, 25)]
XGBOOST, FOREST = "training/churn_xgboost", "training/churn_random_forest"


@pytest.fixture(scope="module")
def filled(module_lake: Lake) -> Lake:
    """Two labelled customers in each of four weeks; two features have drifted, the one further than the other."""
    spark = module_lake.spark
    module_lake.overwrite(
        "validated/watermark", spark.createDataFrame([(date(2024, 7, 1),)], "watermark date")
    )
    rows = [(monday, name) for monday in MONDAYS for name in "ab"]
    module_lake.overwrite(
        "training/churn_examples", spark.createDataFrame(rows, "as_of date, customer_id string")
    )
    drift = [("a", 0.4, True), ("b", 0.2, False), ("c", 0.9, True)]
    module_lake.overwrite(
        "monitoring/feature_drift",
        spark.createDataFrame(drift, "feature string, effect double, drifted boolean"),
    )
    return module_lake


def scored(lake: Lake, key: str, weeks: list[date]) -> None:
    lake.overwrite(key, lake.spark.createDataFrame([(week,) for week in weeks], "as_of date"))


def test_before_any_training_every_label_is_new(filled: Lake) -> None:
    watermark, seen = evidence(filled.read, [], [])
    assert (watermark, seen.new_labels, seen.days_since_training) == (date(2024, 7, 1), 8, None)


def test_the_worst_drift_comes_first_and_what_has_not_drifted_is_left_out(filled: Lake) -> None:
    assert evidence(filled.read, [], ["a check"])[1].drifted_features == ("c", "a")
    assert evidence(filled.read, [], ["a check"])[1].failed_checks == ("a check",)


def test_a_training_is_as_old_as_the_labelled_weeks_that_came_since(filled: Lake) -> None:
    scored(filled, XGBOOST, MONDAYS[:2])
    _, seen = evidence(filled.read, [XGBOOST], [])
    assert (seen.new_labels, seen.days_since_training) == (4, 14)


def test_of_several_candidates_the_latest_training_counts(filled: Lake) -> None:
    scored(filled, XGBOOST, MONDAYS[:1])
    scored(filled, FOREST, MONDAYS)
    _, seen = evidence(filled.read, [XGBOOST, FOREST], [])
    assert (seen.new_labels, seen.days_since_training) == (0, 0)
