"""How much each feature moves the champion's probabilities. Pure numpy: no tables, no labels."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from serve.model.scorer import Scorer


def importances(
    scorer: Scorer, current: Mapping[str, NDArray[np.float64]], *, seed: int
) -> dict[str, float]:
    """Feature -> mean absolute change of the probabilities when customers exchange its values.

    `current`: feature -> one value per customer, in one order. Correlated features share their
    importance: a model that reads two of a kind can do without either. Empty if there are no
    customers, or the scorer reads a feature that `current` lacks.
    """
    if not set(scorer.features) <= set(current):
        return {}
    matrix = np.column_stack([current[name] for name in scorer.features])
    if not len(matrix):
        return {}
    order = np.random.default_rng(seed).permutation(len(matrix))
    before = scorer.probabilities(matrix)
    changes = {}
    for column, name in enumerate(scorer.features):
        exchanged = matrix.copy()
        exchanged[:, column] = matrix[order, column]
        changes[name] = float(np.abs(scorer.probabilities(exchanged) - before).mean())
    return changes
