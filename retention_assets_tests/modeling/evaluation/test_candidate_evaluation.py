"""Evaluations show test figures beside fold means; the saved folder does the scoring."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from retention_assets.modeling.candidates.declared import candidate
from retention_assets.modeling.evaluation.candidate_evaluation import (
    CandidateEvaluation,
)
from retention_assets.modeling.utility import ContactUtility
from retention_assets.settings import Settings
from retention_assets.training.task import contact_utility, risk_levels, score_table
from retention_assets_tests.modeling.factories import UTILITY, churn, evaluate, examples, hand_made
from serve.model.bundle import load_bundle

TASK = churn()
DATA = examples(customers=200, weeks=22)
FIVE = replace(DATA.take(np.arange(5)), y=np.array([1, 1, 0, 0, 0], dtype=np.int8))
P = np.array([0.9, 0.2, 0.7, 0.1, 0.3])
FOLDS = [
    {"train_rows": 10.0, "rows": 5.0, "fit_s": 1.0, "auc": 0.7},
    {"train_rows": 20.0, "rows": 15.0, "fit_s": 3.0, "auc": 0.8},
]


def evaluation_of_five(
    threshold: float = 0.5, folds: list[dict[str, float]] = FOLDS
) -> CandidateEvaluation:
    """Five untouched rows, of which the first two leave."""
    return CandidateEvaluation(
        replace(hand_made(DATA), folds=folds), "d" * 64, 25, FIVE, P, threshold, UTILITY
    )


@pytest.mark.parametrize(
    ("threshold", "precision", "recall", "false_alarms"),
    [
        (0.5, 1 / 2, 1 / 2, 1 / 3),
        (0.2, 2 / 4, 1.0, 2 / 3),
        (0.7, 1 / 2, 1 / 2, 1 / 3),
        (0.95, 0.0, 0.0, 0.0),
    ],
)
def test_confusion_figures_use_model_threshold(
    threshold: float, precision: float, recall: float, false_alarms: float
) -> None:
    figures = evaluation_of_five(threshold).figures()
    named = (figures["precision"], figures["recall"], figures["false_positive_rate"])
    assert named == pytest.approx((precision, recall, false_alarms))
    assert (figures["base_rate"], figures["accuracy"]) == pytest.approx((2 / 5, 3 / 5))


def test_profit_is_computed_on_test_rows() -> None:
    """Capacity is one of five: the .9, a churner, brings 30 - 8 for five customers."""
    assert evaluation_of_five().figures()["profit"] == pytest.approx(22 / 5 * 1000)


def test_figures_show_fold_means_apart_from_test() -> None:
    figures = evaluation_of_five().figures()
    assert {name: value for name, value in figures.items() if name.startswith("cv_")} == {
        "cv_fit_s": 2.5,
        "cv_auc": pytest.approx(0.775),  # the second fold has three times the rows
    }
    assert figures["folds"] == 2 and figures["fit_s"] == 0.5
    assert figures["auc"] == pytest.approx(4 / 6)  # .9 above all three that stay, .2 above one


def test_figures_without_folds_show_zero_folds() -> None:
    figures = evaluation_of_five(folds=[]).figures()
    assert figures["folds"] == 0 and not [name for name in figures if name.startswith("cv_")]


def test_score_table_holds_customer_date_label_probability() -> None:
    scores = score_table(evaluation_of_five())
    columns = {
        "customer_id": pa.string(),
        "as_of": pa.date32(),
        "label": pa.int32(),
        "probability": pa.float64(),
    }
    assert {field.name: field.type for field in scores.schema} == columns
    assert (
        scores["customer_id"].to_pylist() == FIVE.entities.tolist()
        and scores["as_of"].to_pylist() == FIVE.as_of.tolist()
    )
    assert (scores["label"].to_pylist(), scores["probability"].to_pylist()) == (
        [1, 1, 0, 0, 0],
        P.tolist(),
    )


def test_settings_define_utility_and_risk_levels() -> None:
    settings = Settings(
        contact_cost=1.5,
        saved_margin=90,
        save_rate=0.3,
        capacity_share=0.4,
        risk_medium=0.1,
        risk_high=0.2,
        risk_critical=0.3,
    )
    assert contact_utility(settings) == ContactUtility(
        contact_cost=1.5, saved_margin=90, save_rate=0.3, capacity_share=0.4
    )
    assert risk_levels(settings) == {"MEDIUM": 0.1, "HIGH": 0.2, "CRITICAL": 0.3}


@pytest.mark.parametrize("gap_days", [7, 14, 28])
def test_training_ends_gap_and_horizon_before_test(gap_days: int, tmp_path: Path) -> None:
    task = churn(gap_days=gap_days)
    evaluation = evaluate(candidate("logistic_regression"), DATA, tmp_path / "m", task)
    card = load_bundle(tmp_path / "m", evaluation.digest).card
    apart = np.datetime64(card.test_as_of[0]) - np.datetime64(card.trained_as_of[-1])
    closed = task.purge_days
    assert task.label_window is not None
    horizon_days = task.label_window.horizon_days
    assert closed == gap_days + horizon_days
    assert np.timedelta64(closed, "D") <= apart < np.timedelta64(closed + 7, "D")
    assert evaluation.train_rows == (DATA.as_of <= np.datetime64(card.trained_as_of[-1])).sum()
    assert card.settings == {"gap_days": gap_days, "horizon_days": horizon_days}


def test_evaluation_uses_scorer_and_threshold_of_folder(
    tmp_path: Path,
) -> None:
    evaluation = evaluate(candidate("logistic_regression"), DATA, tmp_path / "m", TASK)
    scorer = load_bundle(tmp_path / "m", evaluation.digest)
    assert evaluation.p.tolist() == scorer.probabilities(evaluation.test.X).tolist()
    assert evaluation.threshold == scorer.card.threshold
    assert (
        evaluation.test.as_of.min() == np.unique(DATA.as_of)[-3]
        and evaluation.test.as_of.max() == DATA.as_of.max()
    )
