"""Raw scores to probabilities that can be taken at their word: Platt's sigmoid on the logit, and how sure each score is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retention_assets.training.examples import Floats

CLIP = 1e-6
CONFIDENCE_BINS = 10
Z95 = 1.959963984540054


def logit(p: Floats) -> Floats:
    clipped = np.clip(p, CLIP, 1 - CLIP)
    return np.log(clipped / (1 - clipped))


@dataclass(frozen=True)
class Platt:
    """p = sigmoid(a * logit(raw) + b), raw clipped to [1e-6, 1 - 1e-6]."""

    a: float
    b: float

    def apply(self, raw: Floats) -> Floats:
        return 1 / (1 + np.exp(-(self.a * logit(raw) + self.b)))


def fit_platt(raw: Floats, y: NDArray[np.int8], iterations: int = 100) -> Platt:
    """Newton's method on Platt's smoothed targets, so that a perfect separation stays finite (Platt 1999).

    A slope below zero would turn the ranking round: on such data the score says nothing, so slope 0 is kept.
    """
    positives = int(y.sum())
    target = np.where(y > 0, (positives + 1) / (positives + 2), 1 / (len(y) - positives + 2))
    design = np.column_stack([logit(raw), np.ones(len(y))])
    beta = np.array([1.0, 0.0])
    for _ in range(iterations):
        step = _newton_step(design, target, beta)
        beta = beta + np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-10:
            break
    if beta[0] <= 0:
        rate = target.mean()
        return Platt(0.0, float(np.log(rate / (1 - rate))))
    return Platt(float(beta[0]), float(beta[1]))


def _newton_step(design: Floats, target: Floats, beta: Floats) -> Floats:
    p = 1 / (1 + np.exp(-(design @ beta)))
    curvature: Floats = (design * (p * (1 - p))[:, None]).T @ design + 1e-9 * np.eye(2)
    return np.linalg.solve(curvature, design.T @ (target - p)).astype(np.float64)


def wilson_half_width(p: Floats, y: NDArray[np.int8]) -> tuple[list[float], list[float]]:
    """Edges of equal-mass score bins from 0 to 1, and half the 95 % Wilson interval of the churn rate seen in each bin."""
    edges = np.unique(np.quantile(p, np.arange(1, CONFIDENCE_BINS) / CONFIDENCE_BINS))
    bins = np.searchsorted(edges, p, side="right")
    n = np.bincount(bins, minlength=len(edges) + 1).astype(np.float64)
    rate = np.bincount(bins, weights=y, minlength=len(edges) + 1) / np.maximum(n, 1)
    spread = np.sqrt(rate * (1 - rate) / np.maximum(n, 1) + Z95**2 / (4 * np.maximum(n, 1) ** 2))
    half = np.where(n > 0, Z95 / (1 + Z95**2 / np.maximum(n, 1)) * spread, 0.5)
    return [0.0, *(float(edge) for edge in edges), 1.0], [float(value) for value in np.minimum(half, 0.5)]
