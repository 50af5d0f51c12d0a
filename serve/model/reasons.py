"""Reasons of a score, by occlusion: the change of log odds when a feature becomes typical.

A reason shows in what a customer differs from a typical one. It is no cause, and correlated
features share their effect badly. It needs no training library and costs one row per feature.
"""

import math
from dataclasses import dataclass

import numpy as np

TOP_REASONS = 3
_NO_EFFECT = 1e-9


@dataclass(frozen=True)
class Reason:
    """The effect of one feature on a score, in log odds: positive raises the risk.

    `value` and `typical` are None where they are unknown.
    """

    feature: str
    value: float | None
    typical: float | None
    effect: float


def occluded(matrix: np.ndarray, typical: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Copies of the rows of (n, f), each with one feature set to its typical value.

    Returns the copies, and the row and the feature of each. A feature that already has its typical
    value gets no copy, because its effect is zero.
    """
    differs = (matrix != typical) & ~(np.isnan(matrix) & np.isnan(typical))
    row, feature = np.nonzero(differs)
    copies = matrix[row]
    copies[np.arange(len(row)), feature] = typical[feature]
    return copies, row, feature


def top_reasons(
    names: list[str], values: np.ndarray, *, typical: np.ndarray, effects: np.ndarray
) -> list[Reason]:
    """The features with the largest absolute effects, largest first; at most TOP_REASONS."""
    order = np.argsort(-np.abs(effects), kind="stable")[:TOP_REASONS]
    return [
        Reason(
            feature=names[position],
            value=_none_if_nan(float(values[position])),
            typical=_none_if_nan(float(typical[position])),
            effect=float(effects[position]),
        )
        for position in order.tolist()
        if abs(effects[position]) > _NO_EFFECT
    ]


def _none_if_nan(value: float) -> float | None:
    return None if math.isnan(value) else value
