"""The scorer: probabilities, risk levels and confidence, for a row and for a matrix."""

from pathlib import Path

import numpy as np
import pytest

from retention_assets_tests.serve.bundles import logistic
from serve.model.bundle import load_bundle
from serve.model.scorer import Scorer

NAN = float("nan")


def scorer_of(folder: Path, **changes) -> Scorer:
    return load_bundle(folder, logistic(folder, **changes))


def test_probability_is_calibrated(tmp_path: Path) -> None:
    plain = scorer_of(tmp_path / "plain")
    calibrated = scorer_of(
        tmp_path / "calibrated", calibration={"kind": "platt", "a": 0.5, "b": -1.0}
    )
    row = np.array([[60.0, 0.5, 1.0]])
    raw = plain.probabilities(row)[0]
    assert np.log(raw / (1 - raw)) == pytest.approx(2.0)
    assert calibrated.probabilities(row)[0] == pytest.approx(1 / (1 + np.exp(-(0.5 * 2.0 - 1.0))))


def test_unknown_value_is_filled(tmp_path: Path) -> None:
    scorer = scorer_of(tmp_path / "m")
    filled = scorer.probabilities(np.array([[30.0, 0.5, 0.0]]))
    np.testing.assert_array_equal(scorer.probabilities(np.array([[NAN, NAN, NAN]])), filled)


@pytest.mark.parametrize(
    ("intercept", "level", "prediction"),
    [(-2.0, "LOW", False), (0.0, "MEDIUM", True), (1.0, "HIGH", True), (3.0, "CRITICAL", True)],
)
def test_levels_and_prediction_follow_the_card(
    tmp_path: Path, intercept: float, level: str, prediction: bool
) -> None:
    score = scorer_of(tmp_path / "m", intercept=intercept).score(np.array([30.0, 0.5, 1.0]))
    assert (score.risk_level, score.prediction) == (level, prediction)


@pytest.mark.parametrize(
    ("row", "confidence"),
    [
        ([30.0, 0.5, 1.0], 0.8),  # p = .5: upper bin, half width .1, all three inside
        ([0.0, 1.0, 0.0], 0.9),  # low p: lower bin, half width .05
        ([30.0, 0.5, 900.0], 0.8 * 2 / 3),  # a feature outside the training range
        ([NAN, NAN, NAN], 0.0),  # nothing known
    ],
)
def test_confidence_falls_outside_the_training_range(
    tmp_path: Path, row: list[float], confidence: float
) -> None:
    assert scorer_of(tmp_path / "m").score(np.array(row)).confidence == pytest.approx(confidence)


def test_row_scores_the_same_alone_and_in_a_matrix(tmp_path: Path) -> None:
    scorer = scorer_of(tmp_path / "m")
    matrix = np.random.default_rng(1).normal(30.0, 20.0, size=(2500, 3))
    matrix[::7, 1] = NAN
    batch = list(scorer.score_all(matrix))
    assert len(batch) == len(matrix)
    for position in range(0, len(matrix), 97):
        alone = scorer.score(matrix[position])
        assert alone.probability == pytest.approx(batch[position].probability, abs=1e-6)
        assert [reason.feature for reason in alone.reasons] == [
            reason.feature for reason in batch[position].reasons
        ]
    np.testing.assert_allclose(
        [score.probability for score in batch], scorer.probabilities(matrix), atol=1e-12
    )


def test_risk_rises_with_recency_in_this_model(tmp_path: Path) -> None:
    scorer = scorer_of(tmp_path / "m")
    rows = np.array([[float(days), 0.5, 0.0] for days in range(0, 400, 10)])
    assert (np.diff(scorer.probabilities(rows)) >= 0).all()


def test_wrong_number_of_features_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected"):
        scorer_of(tmp_path / "m").probabilities(np.zeros((1, 2)))


@pytest.mark.parametrize(
    "row", [[1e308, 1e308, 0.0], [-1e308, 1e308, -1e308], [1e308, np.nan, 1e308]]
)
def test_any_finite_numbers_give_a_probability(tmp_path: Path, row: list[float]) -> None:
    """A what-if request may contain them, and infinity minus infinity is not a number."""
    steps = {"fill": [30.0, 0.5, 0.0], "mean": [30.0, 0.5, 1.0], "scale": [0.1, 0.1, 0.1]}
    scorer = load_bundle(tmp_path / "m", logistic(tmp_path / "m", preprocess=steps))
    assert 0.0 <= scorer.score(np.array(row)).probability <= 1.0
