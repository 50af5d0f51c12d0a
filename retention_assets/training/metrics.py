"""What a score is worth on labelled rows, at natural prevalence: ranking, calibration and money.

Every metric is one vectorised function of row weights, so that the figure and its bootstrap interval are the same code.
Knows nothing of models.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retention_assets.training.examples import Floats

BINS = 10
LOSS_CLIP = 1e-15
ACCURACY_CUT = 0.5
PER_CUSTOMERS = 1000


@dataclass(frozen=True)
class Economics:
    """What a retention contact costs and brings. Money is in the source's currency."""

    contact_cost: float
    saved_margin: float
    save_rate: float
    capacity_share: float

    @property
    def breakeven(self) -> float:
        """Churn probability at which a contact pays for itself."""
        gain = self.save_rate * self.saved_margin
        return self.contact_cost / gain if gain > 0 else float("inf")


class Evaluation:
    """One scorer's probabilities against the labels, prepared once: descending score, equal scores merged.

    `random_within_capacity` marks a scorer that cannot rank (everybody alike): its contacts pay off on average or not,
    but none is held back for being below break-even.
    """

    def __init__(self, y: NDArray[np.int8], p: Floats, economics: Economics, held_back: bool = True) -> None:
        self.y, self.p, self.economics = y.astype(np.float64), p, economics
        self._order = np.argsort(-p, kind="stable")
        ranked = p[self._order]
        self._starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
        self._pays = (ranked[self._starts] >= economics.breakeven) | (not held_back)
        self._bins = np.unique(np.arange(BINS) * len(p) // BINS)

    def at(self, w: Floats) -> dict[str, Floats]:
        """Every metric for each row of weights; `w` is (rounds, n), each value comes as (rounds,)."""
        ranked = w[:, self._order]
        positive = np.add.reduceat(ranked * self.y[self._order], self._starts, axis=1)
        weight = np.add.reduceat(ranked, self._starts, axis=1)
        total = weight.sum(axis=1)
        return {
            "base_rate": positive.sum(axis=1) / total,
            "auc": _auc(positive, weight),
            "average_precision": _average_precision(positive, weight),
            "brier": w @ (self.p - self.y) ** 2 / total,
            "ece": self._ece(ranked, total),
            "log_loss": w @ self._losses() / total,
            "accuracy": w @ ((self.p >= ACCURACY_CUT) == (self.y > 0)) / total,
            "profit": self._profit(positive, weight, total),
            "lift": self._lift(positive, weight, total),
        }

    def point(self) -> dict[str, float]:
        """Every metric with all rows counted once."""
        return {name: float(value[0]) for name, value in self.at(np.ones((1, len(self.y)))).items()}

    def _losses(self) -> Floats:
        p = np.clip(self.p, LOSS_CLIP, 1 - LOSS_CLIP)
        return -(self.y * np.log(p) + (1 - self.y) * np.log1p(-p))

    def _ece(self, ranked: Floats, total: Floats) -> Floats:
        """Expected calibration error over equal-mass bins: how far the mean score is from the observed rate."""
        misses = (self.p - self.y)[self._order]
        return np.abs(np.add.reduceat(ranked * misses, self._bins, axis=1)).sum(axis=1) / total

    def _contacted(self, weight: Floats, total: Floats) -> Floats:
        """Share of each group of equal scores that is contacted when the best come first and capacity ends."""
        room = self.economics.capacity_share * total[:, None] - (np.cumsum(weight, axis=1) - weight)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(weight > 0, np.clip(room / weight, 0, 1), 0)

    def _profit(self, positive: Floats, weight: Floats, total: Floats) -> Floats:
        """Money per 1000 customers: contact the likeliest churners up to capacity, none below break-even."""
        share = self._contacted(weight, total) * self._pays
        money = self.economics.save_rate * self.economics.saved_margin * positive - self.economics.contact_cost * weight
        return (share * money).sum(axis=1) / total * PER_CUSTOMERS

    def _lift(self, positive: Floats, weight: Floats, total: Floats) -> Floats:
        """Churn rate among the capacity's likeliest, over the base rate."""
        share = self._contacted(weight, total)
        return _ratio((share * positive).sum(axis=1), (share * weight).sum(axis=1)) / (positive.sum(axis=1) / total)


def _auc(positive: Floats, weight: Floats) -> Floats:
    """Chance that a churner scores above a stayer; ties count half."""
    negative = weight - positive
    below = negative.sum(axis=1, keepdims=True) - np.cumsum(negative, axis=1)
    return _ratio((positive * (below + negative / 2)).sum(axis=1), positive.sum(axis=1) * negative.sum(axis=1))


def _average_precision(positive: Floats, weight: Floats) -> Floats:
    precision = _ratio(np.cumsum(positive, axis=1), np.cumsum(weight, axis=1))
    return _ratio((precision * positive).sum(axis=1), positive.sum(axis=1))


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


@dataclass(frozen=True)
class Confusion:
    """The one table that precision, recall and the false-alarm rate all come from."""

    tp: int
    fp: int
    fn: int
    tn: int

    @classmethod
    def of(cls, y: NDArray[np.int8], p: Floats, threshold: float) -> "Confusion":
        flagged, churned = p >= threshold, y > 0
        return cls(
            int((flagged & churned).sum()),
            int((flagged & ~churned).sum()),
            int((~flagged & churned).sum()),
            int((~flagged & ~churned).sum()),
        )

    def rates(self) -> dict[str, float]:
        """base_rate, precision, recall, false_positive_rate; 0 where nothing was flagged or nobody is of the kind."""
        n, churned, flagged = self.tp + self.fp + self.fn + self.tn, self.tp + self.fn, self.tp + self.fp
        return {
            "base_rate": churned / n if n else 0.0,
            "precision": self.tp / flagged if flagged else 0.0,
            "recall": self.tp / churned if churned else 0.0,
            "false_positive_rate": self.fp / (n - churned) if n > churned else 0.0,
        }
