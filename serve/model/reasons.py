"""Why this score: what the log odds lose when one feature is set to what is typical (occlusion).

It answers "what, alone, makes this customer differ from a typical one", not "what caused it", and correlated
features share their effect badly. It needs no training library and costs one row per feature.
"""

import math
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


def occluded(matrix: np.ndarray, typical: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Copies of the rows of (n, f), each with one feature set to the typical value; and row and feature of each copy.

    A feature that already has the typical value needs no copy: its effect is zero.
    """
    differs = (matrix != typical) & ~(np.isnan(matrix) & np.isnan(typical))
    row, feature = np.nonzero(differs)
    copies = matrix[row]
    copies[np.arange(len(row)), feature] = typical[feature]
    return copies, row, feature


def top_reasons(
    names: list[str], vector: np.ndarray, typical: np.ndarray, effects: np.ndarray
) -> list[Reason]:
    """The features with the largest effects on the log odds, largest first; those without any are not reasons."""
    order = np.argsort(-np.abs(effects), kind="stable")[:TOP]
    return [
        Reason(names[at], _known(float(vector[at])), _known(float(typical[at])), float(effects[at]))
        for at in order.tolist()
        if abs(effects[at]) > _NO_EFFECT
    ]


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
