"""From feature vectors to scores, for both the HTTP service and batch scoring. Pure numpy."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from serve.model.actions import recommended_actions
from serve.model.card import Card
from serve.model.loaders import RawModel, sigmoid
from serve.model.reasons import Reason, occluded, top_reasons

_RAW_FLOOR = 1e-6  # keeps the logit of a raw probability of 0 or 1 finite
_STANDARDIZED_BOUND = 1e12  # keeps sums of standardized values finite
_BLOCK_ROWS = 1024  # bounds memory at about rows * features^2 * 8 bytes


@dataclass(frozen=True)
class Score:
    """The score of one customer. `probability` is calibrated; for `confidence` see `Scorer`."""

    probability: float
    prediction: bool
    risk_level: str
    confidence: float
    reasons: list[Reason]
    actions: list[str]

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of an answer about a customer's risk, without the reasons."""
        return {
            "churn_probability": self.probability,
            "churn_prediction": self.prediction,
            "risk_level": self.risk_level,
            "confidence_score": self.confidence,
            "recommended_actions": self.actions,
        }


class Scorer:
    """A loaded model with its card.

    `confidence` says how well the rate of positives at similar scores is known, for a row like
    those in training: (1 - 2 h) * s, where h is half the width of that rate's 95 % interval, by
    customer, and s is the share of features that are known and inside the range seen in training.
    It does not depend on how extreme the probability is.
    """

    def __init__(self, card: Card, raw: RawModel, digest: str) -> None:
        self.card = card
        self.digest = digest
        self.features = list(card.features)
        self.fingerprint = card.fingerprint
        self._raw = raw
        self._typical = _as_floats(card.reference.median)
        self._low = _as_floats(card.reference.low)
        self._high = _as_floats(card.reference.high)
        self._inner_edges = np.asarray(card.confidence.edges[1:-1])
        self._half_width = np.asarray(card.confidence.half_width)

    def probabilities(self, matrix: np.ndarray) -> np.ndarray:
        """Calibrated probability of each row of (n, features) float64; unknown values are NaN."""
        return sigmoid(self._log_odds(matrix))

    def score(self, vector: np.ndarray) -> Score:
        """The score of one customer."""
        return next(self.score_all(vector.reshape(1, -1)))

    def fields_without_risk(self, state: str, vector: np.ndarray) -> dict[str, Any]:
        """The fields of `Score.fields` for a customer who has lapsed or left: null, but for the
        actions.
        """
        features = dict(zip(self.features, vector.tolist(), strict=True))
        names = ("churn_probability", "churn_prediction", "risk_level", "confidence_score")
        actions = recommended_actions(state, features)
        return dict.fromkeys(names) | {"recommended_actions": actions}

    def score_all(self, matrix: np.ndarray) -> Iterator[Score]:
        """The score of each row, in order."""
        for start in range(0, len(matrix), _BLOCK_ROWS):
            block = np.asarray(matrix[start : start + _BLOCK_ROWS], dtype=np.float64)
            yield from self._score_block(block)

    def _score_block(self, block: np.ndarray) -> Iterator[Score]:
        copies, row, feature = occluded(block, self._typical)
        log_odds = self._log_odds(np.concatenate([block, copies]))
        original = log_odds[: len(block)]
        effects = np.zeros(block.shape)
        effects[row, feature] = original[row] - log_odds[len(block) :]
        probability = sigmoid(original)
        confidence = self._confidence(block, probability)
        for position in range(len(block)):
            yield self._score_row(
                block[position],
                probability=float(probability[position]),
                confidence=float(confidence[position]),
                effects=effects[position],
            )

    def _score_row(
        self, row: np.ndarray, *, probability: float, confidence: float, effects: np.ndarray
    ) -> Score:
        level = self._risk_level(probability)
        values = dict(zip(self.features, row.tolist(), strict=True))
        return Score(
            probability=probability,
            prediction=probability >= self.card.threshold,
            risk_level=level,
            confidence=confidence,
            reasons=top_reasons(self.features, row, typical=self._typical, effects=effects),
            actions=recommended_actions(level, values),
        )

    def _log_odds(self, matrix: np.ndarray) -> np.ndarray:
        if matrix.ndim != 2 or matrix.shape[1] != len(self.features):
            raise ValueError(f"expected shape (n, {len(self.features)}), got {matrix.shape}")
        raw = np.clip(self._raw(self._preprocess(matrix)), _RAW_FLOOR, 1.0 - _RAW_FLOOR)
        calibration = self.card.calibration
        return np.clip(calibration.a * np.log(raw / (1.0 - raw)) + calibration.b, -700.0, 700.0)

    def _preprocess(self, matrix: np.ndarray) -> np.ndarray:
        steps = self.card.preprocess
        if steps is None:
            return matrix
        filled = np.where(np.isnan(matrix), np.asarray(steps.fill), matrix)
        with np.errstate(over="ignore"):  # a what-if request may contain any finite number
            standardized = (filled - np.asarray(steps.mean)) / np.asarray(steps.scale)
        return np.clip(standardized, -_STANDARDIZED_BOUND, _STANDARDIZED_BOUND)

    def _confidence(self, matrix: np.ndarray, probability: np.ndarray) -> np.ndarray:
        half_width = self._half_width[np.searchsorted(self._inner_edges, probability, side="right")]
        in_range = ((matrix >= self._low) & (matrix <= self._high)).mean(axis=1)
        return np.clip(1.0 - 2.0 * half_width, 0.0, 1.0) * in_range

    def _risk_level(self, probability: float) -> str:
        levels = self.card.risk_levels
        lowest = (("CRITICAL", levels.CRITICAL), ("HIGH", levels.HIGH), ("MEDIUM", levels.MEDIUM))
        return next((name for name, bound in lowest if probability >= bound), "LOW")


def _as_floats(values: list[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
