"""Raw scores to probabilities (Platt's sigmoid on the logit), and how certain each score is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retention_assets.modeling.examples import Floats

CLIP = 1e-6
CONFIDENCE_BINS = 10
Z95 = 1.959963984540054


def logit(p: Floats) -> Floats:
    """Log odds, with probabilities clipped away from 0 and 1."""
    clipped = np.clip(p, CLIP, 1 - CLIP)
    return np.log(clipped / (1 - clipped))


@dataclass(frozen=True)
class Platt:
    """p = sigmoid(a * logit(raw) + b), raw clipped to [1e-6, 1 - 1e-6]."""

    a: float
    b: float

    def apply(self, raw: Floats) -> Floats:
        from scipy.special import expit

        return expit(self.a * logit(raw) + self.b)


def fit_platt(raw: Floats, y: NDArray[np.int8], weights: Floats | None = None) -> Platt:
    """Least log loss against Platt's smoothed targets (Platt 1999), finite on perfect separation.
    `weights`: how much each row counts; None: all count 1.

    A slope below zero would reverse the ranking. Such a score carries no information: slope 0.
    """
    from scipy.optimize import minimize
    from scipy.special import expit

    w = np.ones(len(y)) if weights is None else weights
    positives = (w * y).sum()
    target = np.where(y > 0, (positives + 1) / (positives + 2), 1 / (w.sum() - positives + 2))
    raw_logit = logit(raw)
    # Standardized, so that the same steps find the slope of scores that hardly differ.
    spread = raw_logit.std() or 1.0
    x = (raw_logit - raw_logit.mean()) / spread
    share = w * (len(w) / w.sum())

    def loss(beta: Floats) -> tuple[float, Floats]:
        z = beta[0] * x + beta[1]
        miss = expit(z) - target
        return float(np.mean(share * (np.logaddexp(0, z) - target * z))), np.array(
            [np.mean(share * miss * x), np.mean(share * miss)]
        )

    # From a flat curve: plain Newton steps from slope 1 run away on overconfident scores.
    a, b = minimize(loss, np.zeros(2), jac=True, method="BFGS", options={"gtol": 1e-9}).x
    if a <= 0:
        rate = (share * target).mean()
        return Platt(0.0, float(np.log(rate / (1 - rate))))
    return Platt(float(a / spread), float(b - a * raw_logit.mean() / spread))


def cross_calibrated(
    raw: Floats, y: NDArray[np.int8], part: NDArray[np.int64], weights: Floats | None = None
) -> Floats:
    """Probabilities for rows in parts, each part calibrated by the rows of the others.

    One part alone stays as it is: nothing else could tell its level.
    """
    p = raw.copy()
    for number in np.unique(part):
        others = part != number
        if others.any():
            of_others = None if weights is None else weights[others]
            p[~others] = fit_platt(raw[others], y[others], of_others).apply(raw[~others])
    return p


def rate_half_width(
    p: Floats,
    y: NDArray[np.int8],
    entities: NDArray[np.str_],
    weights: Floats | None = None,
) -> tuple[list[float], list[float]]:
    """Edges of equal-mass score bins; half the 95 % interval of each bin's observed rate.

    It is Wilson's interval of as many independent rows as tell as much as the bin's: rows of one
    entity are alike, and weights differ, so they count for fewer (Kish 1965, the design effect).
    """
    w = np.ones(len(y)) if weights is None else weights
    edges = np.unique(np.quantile(p, np.arange(1, CONFIDENCE_BINS) / CONFIDENCE_BINS))
    bins = np.searchsorted(edges, p, side="right")
    n = _independent_rows(bins, len(edges) + 1, y, entities, w)
    rows = np.maximum(np.bincount(bins, w, len(edges) + 1), 1)
    rate = np.bincount(bins, w * y, len(edges) + 1) / rows
    at_least_one = np.maximum(n, 1)
    spread = np.sqrt(rate * (1 - rate) / at_least_one + Z95**2 / (4 * at_least_one**2))
    half = np.where(n > 0, Z95 / (1 + Z95**2 / at_least_one) * spread, 0.5)
    return [0.0, *(float(edge) for edge in edges), 1.0], [
        float(value) for value in np.minimum(half, 0.5)
    ]


def _independent_rows(
    bins: NDArray[np.int64],
    count: int,
    y: NDArray[np.int8],
    entities: NDArray[np.str_],
    w: Floats,
) -> Floats:
    """Of each bin: its rows divided by the design effect, which is the variance of the rate with
    whole entities drawn, over that with rows drawn. Where all rows are alike: its entities.
    """
    unique, entity = np.unique(entities, return_inverse=True)
    pairs, pair = np.unique(bins * len(unique) + entity, return_inverse=True)
    bin_of_pair = pairs // len(unique)
    rows = np.bincount(bins, w, count)
    rate = np.bincount(bins, w * y, count) / np.maximum(rows, 1)
    misses = np.bincount(pair, weights=w * (y - rate[bins]))
    between = np.bincount(bin_of_pair, weights=misses**2, minlength=count)
    of_rows = rows * rate * (1 - rate)
    in_bin = np.bincount(bin_of_pair, np.bincount(pair, w) > 0, count)
    effect = np.divide(between, of_rows, out=np.ones(count), where=of_rows > 0)
    return np.where(of_rows > 0, rows / np.maximum(effect, 1.0), in_bin)
