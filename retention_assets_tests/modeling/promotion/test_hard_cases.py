"""From examples to a decision where there is little or nothing to learn."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from retention_assets.errors import NotTrainableError
from retention_assets.modeling.candidates.declared import candidate
from retention_assets.modeling.evaluation.candidate_evaluation import fold_means
from retention_assets.modeling.promotion.comparison import compare
from retention_assets.modeling.promotion.decision import PromotionDecision, decide_promotion
from retention_assets.training.task import churn_split
from retention_assets_tests.modeling.factories import churn, evaluate, examples
from serve.model.bundle import load_bundle

# Labels of so few customers cannot show 3 points; the other gates must decide here.
TASK = churn(bootstrap_rounds=200, calibration_tolerance=0.5)
LOGISTIC = candidate("logistic_regression")


def first_decision(signal: float, folder: Path) -> PromotionDecision:
    """On a logistic regression, where there is no champion."""
    data = examples(signal=signal)
    evaluation = evaluate(LOGISTIC, data, folder, TASK)
    split = churn_split(data, TASK)
    comparison = compare(
        TASK,
        data,
        train=split.train,
        test=evaluation.test,
        probabilities={LOGISTIC.name: evaluation.p},
        fold_scores={LOGISTIC.name: fold_means(evaluation.trained.folds)},
        chosen_on=split.chosen_on,
    )
    scorer = load_bundle(folder, evaluation.digest)
    return decide_promotion(comparison, scorer, has_signature=True)


def test_first_model_with_signal_is_promoted(tmp_path: Path) -> None:
    assert first_decision(1.5, tmp_path / "model").promoted


def test_noise_is_never_promoted(tmp_path: Path) -> None:
    decision = first_decision(0.0, tmp_path / "model")
    failed = {gate.name for gate in decision.gates if not gate.passed}
    assert not decision.promoted and "has_signal" in failed


@pytest.mark.parametrize(
    ("customers", "label", "reason"),
    [
        (2, None, "training .* has .* positives in .* rows; 10 of each label are needed"),
        (400, 0, "training .* has 0 positives in .* rows; 10 of each label are needed"),
    ],
    ids=["40 examples", "nobody leaves"],
)
def test_too_few_of_a_label_are_refused_with_a_count(
    customers: int, label: int | None, reason: str
) -> None:
    data = examples(customers=customers, weeks=20)
    if label is not None:
        data = replace(data, y=np.full(len(data), label, dtype=np.int8))
    with pytest.raises(NotTrainableError, match=reason) as error:
        churn_split(data, TASK)
    assert error.value.fix
