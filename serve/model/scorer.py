"""From feature vectors to scores: the one implementation that the HTTP service and the batch share. Pure numpy."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from serve.model.actions import recommended_actions
from serve.model.card import Card
from serve.model.loaders import RawModel
from serve.model.reasons import Reason, occluded, top_reasons

_RAW_FLOOR = 1e-6  # keeps the logit of a raw 0 or 1 finite
_FARTHEST = 1e12  # in training's spreads: beyond it sums of such numbers would no longer be finite
_BLOCK_ROWS = 1024  # rows explained at once: bounds memory at about block * features^2 * 8 bytes


@dataclass(frozen=True)
class Score:
    """All that is said about one customer. `probability` is calibrated; `confidence` is explained at `Scorer`."""

    probability: float
    prediction: bool
    risk_level: str
    confidence: float
    reasons: list[Reason]
    actions: list[str]


class Scorer:
    """A loaded model with its card.

    `confidence` = (1 - 2 h) * s: h is the half width of the interval of the churn rate that was observed at scores
    like this one, s the share of the features that are known and inside the range training saw. It falls where the
    model was little tested or the customer is unlike those it knows; it says nothing about how extreme p is.
    """

    def __init__(self, card: Card, raw: RawModel, digest: str) -> None:
        self.card = card
        self.digest = digest
        self.features = list(card.features)
        self.fingerprint = card.fingerprint
        self._raw = raw
        self._typical = _numbers(card.reference.median)
        self._low, self._high = _numbers(card.reference.low), _numbers(card.reference.high)
        self._inner_edges = np.asarray(card.confidence.edges[1:-1])
        self._half_width = np.asarray(card.confidence.half_width)

    def probabilities(self, matrix: np.ndarray) -> np.ndarray:
        """Calibrated probability of each row of (n, features) float64; missing values are NaN."""
        return _sigmoid(self._log_odds(matrix))

    def score(self, vector: np.ndarray) -> Score:
        """One customer."""
        return next(self.score_all(vector.reshape(1, -1)))

    def score_all(self, matrix: np.ndarray) -> Iterator[Score]:
        """The score of each row, in order."""
        for start in range(0, len(matrix), _BLOCK_ROWS):
            block = np.asarray(matrix[start : start + _BLOCK_ROWS], dtype=np.float64)
            yield from self._block(block)

    def _block(self, block: np.ndarray) -> Iterator[Score]:
        copies, row, feature = occluded(block, self._typical)
        log_odds = self._log_odds(np.concatenate([block, copies]))
        own = log_odds[: len(block)]
        effects = np.zeros(block.shape)
        effects[row, feature] = own[row] - log_odds[len(block) :]
        probability = _sigmoid(own)
        confidence = self._confidence(block, probability)
        for at in range(len(block)):
            yield self._explained(
                block[at], float(probability[at]), float(confidence[at]), effects[at]
            )

    def _explained(
        self, row: np.ndarray, probability: float, confidence: float, effects: np.ndarray
    ) -> Score:
        level = self._risk_level(probability)
        return Score(
            probability=probability,
            prediction=probability >= self.card.threshold,
            risk_level=level,
            confidence=confidence,
            reasons=top_reasons(self.features, row, self._typical, effects),
            actions=recommended_actions(level, dict(zip(self.features, row.tolist(), strict=True))),
        )

    def _log_odds(self, matrix: np.ndarray) -> np.ndarray:
        if matrix.ndim != 2 or matrix.shape[1] != len(self.features):
            raise ValueError(f"expected (n, {len(self.features)}), got {matrix.shape}")
        raw = np.clip(self._raw(self._preprocessed(matrix)), _RAW_FLOOR, 1.0 - _RAW_FLOOR)
        calibration = self.card.calibration
        return np.clip(calibration.a * np.log(raw / (1.0 - raw)) + calibration.b, -700.0, 700.0)

    def _preprocessed(self, matrix: np.ndarray) -> np.ndarray:
        steps = self.card.preprocess
        if steps is None:
            return matrix
        filled = np.where(np.isnan(matrix), np.asarray(steps.fill), matrix)
        with np.errstate(over="ignore"):  # a what-if may name any finite number
            return np.clip(
                (filled - np.asarray(steps.mean)) / np.asarray(steps.scale), -_FARTHEST, _FARTHEST
            )

    def _confidence(self, matrix: np.ndarray, probability: np.ndarray) -> np.ndarray:
        half_width = self._half_width[np.searchsorted(self._inner_edges, probability, side="right")]
        supported = ((matrix >= self._low) & (matrix <= self._high)).mean(axis=1)
        return np.clip(1.0 - 2.0 * half_width, 0.0, 1.0) * supported

    def _risk_level(self, probability: float) -> str:
        levels = self.card.risk_levels
        at_least = (("CRITICAL", levels.CRITICAL), ("HIGH", levels.HIGH), ("MEDIUM", levels.MEDIUM))
        return next((name for name, bound in at_least if probability >= bound), "LOW")


def _sigmoid(log_odds: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-log_odds))


def _numbers(values: list[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
