"""Why this score: what the log odds lose when one feature is set to what is typical (occlusion).

It answers "what, alone, makes this customer differ from a typical one", not "what caused it", and correlated
features share their effect badly. It needs no training library and costs one row per feature.
"""

from dataclasses import dataclass

import numpy as np

TOP = 3
_NO_EFFECT = 1e-9


@dataclass(frozen=True)
class Reason:
    """One feature's part in a score. `effect` is in log odds: positive raises the risk. None: not known."""

    feature: str
    value: float | None
    typical: float | None
    effect: float


def occluded(matrix: np.ndarray, typical: np.ndarray) -> np.ndarray:
    """Each row, followed by its copies with one feature set to the typical value: (n, f) -> (n * (f + 1), f)."""
    rows, features = matrix.shape
    copies = np.repeat(matrix[:, None, :], features + 1, axis=1)
    each = np.arange(features)
    copies[:, each + 1, each] = typical
    return copies.reshape(rows * (features + 1), features)


def top_reasons(names: list[str], vector: np.ndarray, typical: np.ndarray, log_odds: np.ndarray) -> list[Reason]:
    """The features with the largest effect. `log_odds` are those of `occluded` for this one row."""
    effects = log_odds[0] - log_odds[1:]
    order = np.argsort(-np.abs(effects), kind="stable")[:TOP]
    return [
        Reason(names[at], _known(vector[at]), _known(typical[at]), float(effects[at]))
        for at in order
        if abs(effects[at]) > _NO_EFFECT
    ]


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
