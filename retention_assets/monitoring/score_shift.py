"""How far the drift of a feature moves the champion's probabilities, and whether that matters.

A feature can drift far and change no score: the champion does not read it, or is flat where it
moves.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retention_assets.monitoring.drift import FeatureDrift
from serve.model.scorer import Scorer

Floats = NDArray[np.float64]


def report_of(row: FeatureDrift, shift: float | None, min_shift: float) -> dict[str, Any]:
    """The row with its `score_shift` and `matters`: a drift of which nothing is known matters."""
    matters = row.drifted and (shift is None or shift >= min_shift)
    return {**vars(row), "score_shift": shift, "matters": matters}


def score_shifts(
    scorer: Scorer, current: Mapping[str, Floats], drifted: Mapping[str, Floats]
) -> dict[str, float | None]:
    """For each drifted feature, the mean absolute change of the current customers' probabilities
    if it had not drifted.

    `current`: feature -> one value per customer, in one order. `drifted`: feature -> its values in
    training. None if the scorer reads a feature that `current` lacks.
    """
    if not drifted or not set(scorer.features) <= set(current):
        return dict.fromkeys(drifted)
    matrix = np.column_stack([current[name] for name in scorer.features])
    scored = scorer.probabilities(matrix)

    def shift(feature: str) -> float:
        if feature not in scorer.features:
            return 0.0
        without = matrix.copy()
        without[:, scorer.features.index(feature)] = at_same_rank(
            current[feature], drifted[feature]
        )
        return float(np.abs(scored - scorer.probabilities(without)).mean())

    return {feature: shift(feature) for feature in drifted}


def at_same_rank(values: Floats, reference: Floats) -> Floats:
    """Each value replaced by the one of its rank in the reference. Unknown values rank lowest.

    >>> at_same_rank(np.array([30.0, 10.0]), np.array([1.0, 2.0, 3.0, 4.0]))
    array([4., 2.])
    """
    ranked = np.sort(np.where(np.isnan(reference), -np.inf, reference))
    shares = (np.arange(len(values)) + 0.5) / len(values)
    replaced = np.empty(len(values))
    order = np.argsort(np.where(np.isnan(values), -np.inf, values), kind="stable")
    replaced[order] = ranked[(shares * len(ranked)).astype(np.int64)]
    return np.where(np.isinf(replaced), np.nan, replaced)
