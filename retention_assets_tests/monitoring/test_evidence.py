"""The evidence for retraining: new labels, age in days of the data, drift, failed checks."""

from datetime import date

import pytest

from retention_assets.monitoring.evidence import read_evidence
from retention_assets.resources.lake import Lake

MONDAYS = [date(2024, 3, day) for day in (4, 11, 18, 25)]
XGBOOST = "training/churn_xgboost"
FOREST = "training/churn_random_forest"


@pytest.fixture(scope="module")
def filled(module_lake: Lake) -> Lake:
    """Two labeled customers in each of four weeks; two features have drifted."""
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
    watermark, evidence = read_evidence(filled.read, [], [])
    assert (watermark, evidence.new_labels, evidence.days_since_training) == (
        date(2024, 7, 1),
        8,
        None,
    )


def test_drifted_features_are_listed_worst_first(filled: Lake) -> None:
    assert read_evidence(filled.read, [], ["a check"])[1].drifted_features == ("c", "a")
    assert read_evidence(filled.read, [], ["a check"])[1].failed_checks == ("a check",)


def test_age_of_training_counts_labeled_weeks_since(filled: Lake) -> None:
    scored(filled, XGBOOST, MONDAYS[:2])
    _, evidence = read_evidence(filled.read, [XGBOOST], [])
    assert (evidence.new_labels, evidence.days_since_training) == (4, 14)


def test_latest_training_of_all_candidates_counts(filled: Lake) -> None:
    scored(filled, XGBOOST, MONDAYS[:1])
    scored(filled, FOREST, MONDAYS)
    _, evidence = read_evidence(filled.read, [XGBOOST, FOREST], [])
    assert (evidence.new_labels, evidence.days_since_training) == (0, 0)
