"""Drift that moves no probability is told from drift that does."""

import numpy as np
import pytest

from retention_assets.monitoring.score_shift import at_same_rank, score_shifts
from retention_assets_tests.serve import bundles
from serve.model.card import Card
from serve.model.scorer import Scorer

ROWS = 2000
RNG = np.random.default_rng(5)
TRAINED = {name: RNG.normal(size=ROWS) for name in bundles.FEATURES}
FIRST, SECOND, _ = bundles.FEATURES


def score_shift(
    scorer: Scorer, current: dict[str, np.ndarray], feature: str, reference: np.ndarray
) -> float | None:
    return score_shifts(scorer, current, {feature: reference})[feature]


def scorer_of(*weights: float) -> Scorer:
    """A logistic model with these weights of the features."""
    content = bundles.card(preprocess=None)

    def log_odds(matrix: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-(matrix @ np.array(weights))))

    return Scorer(Card.model_validate(content), log_odds, "d" * 64)


@pytest.mark.parametrize(
    ("weight", "low", "high"), [(0.0, 0, 0), (0.1, 0.02, 0.03), (2, 0.26, 0.29)]
)
def test_shift_counts_as_far_as_it_moves_probabilities(
    weight: float, low: float, high: float
) -> None:
    """One standard deviation times the weight, times the slope of the curve, which flattens."""
    current = TRAINED | {FIRST: TRAINED[FIRST] + 1}
    shift = score_shift(scorer_of(weight, 0, 0), current, FIRST, TRAINED[FIRST])
    assert shift is not None and low <= shift <= high


def test_without_drift_nothing_moves() -> None:
    assert score_shift(scorer_of(2, 1, 0), TRAINED, FIRST, TRAINED[FIRST]) == 0


def test_feature_that_the_champion_does_not_read_moves_nothing() -> None:
    current = TRAINED | {"other": np.ones(ROWS)}
    assert score_shift(scorer_of(2, 1, 0), current, "other", np.zeros(ROWS)) == 0


def test_champion_that_cannot_be_asked_gives_no_figure() -> None:
    current = {FIRST: TRAINED[FIRST]}
    assert score_shift(scorer_of(2, 1, 0), current, FIRST, TRAINED[FIRST]) is None


def test_unknown_values_rank_lowest() -> None:
    values = np.array([5.0, np.nan, 7.0, 6.0])
    mapped = at_same_rank(values, np.array([np.nan, 1.0, np.nan, 3.0]))
    np.testing.assert_array_equal(mapped, [np.nan, np.nan, 3.0, 1.0])
