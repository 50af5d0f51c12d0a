"""How much each feature moves the champion's probabilities."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from retention_assets.monitoring.catalog.importance import importances


@dataclass
class Doubled:
    """Scores a customer by twice the first feature, and does without the second."""

    features: tuple[str, ...] = ("visits", "orders")

    def probabilities(self, matrix: np.ndarray) -> np.ndarray:
        return 2 * matrix[:, 0]


SCORER: Any = Doubled()
RNG = np.random.default_rng(1)
CURRENT = {"visits": RNG.uniform(0, 0.5, 500), "orders": RNG.uniform(0, 0.5, 500)}


def test_feature_without_effect_has_no_importance() -> None:
    changes = importances(SCORER, CURRENT, seed=7)
    # Two draws from 0 to 1 differ by a third on average.
    assert changes["visits"] == pytest.approx(1 / 3, abs=0.03)
    assert changes["orders"] == 0.0


def test_importance_is_repeatable() -> None:
    assert importances(SCORER, CURRENT, seed=7) == importances(SCORER, CURRENT, seed=7)


def test_missing_feature_gives_no_importance() -> None:
    assert importances(SCORER, {"visits": CURRENT["visits"]}, seed=7) == {}
    nobody = {name: values[:0] for name, values in CURRENT.items()}
    assert importances(SCORER, nobody, seed=7) == {}
