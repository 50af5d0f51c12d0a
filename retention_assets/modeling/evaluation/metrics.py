"""What a score is worth on labelled rows, at natural prevalence: ranking, calibration and money.

Every metric is one vectorised function of row weights, so that the figure and its bootstrap interval are the same code.
Knows nothing of models.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retention_assets.modeling.examples import Floats

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

    def __init__(
        self, y: NDArray[np.int8], p: Floats, economics: Economics, held_back: bool = True
    ) -> None:
        self.y, self.p, self.economics = y.astype(np.float64), p, economics
        self._order = np.argsort(-p, kind="stable")
        ranked = p[self._order]
        self._starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
        self._pays = (ranked[self._starts] >= economics.breakeven) | (not held_back)
        self._bins = np.unique(np.arange(BINS) * len(p) // BINS)

    def at(self, w: Floats) -> dict[str, Floats]:
        """Every metric for each column of weights; `w` is (n, rounds), each value comes as (rounds,)."""
        ranked = w[self._order]
        groups = _Groups.of(ranked, self.y[self._order], self._starts)
        shares = groups.contacted(self.economics.capacity_share)
        return {
            "base_rate": groups.churners / groups.total,
            "auc": groups.auc(),
            "average_precision": groups.average_precision(),
            "brier": (self.p - self.y) ** 2 @ w / groups.total,
            "ece": self._ece(ranked) / groups.total,
            "log_loss": self._losses() @ w / groups.total,
            "accuracy": ((self.p >= ACCURACY_CUT) == (self.y > 0)).astype(np.float64)
            @ w
            / groups.total,
            "profit": self._profit(groups, shares),
            "lift": groups.lift(shares),
        }

    def point(self) -> dict[str, float]:
        """Every metric with all rows counted once."""
        return {name: float(value[0]) for name, value in self.at(np.ones((len(self.y), 1))).items()}

    def _losses(self) -> Floats:
        p = np.clip(self.p, LOSS_CLIP, 1 - LOSS_CLIP)
        return -(self.y * np.log(p) + (1 - self.y) * np.log1p(-p))

    def _ece(self, ranked: Floats) -> Floats:
        """Expected calibration error over equal-mass bins: how far the mean score is from the observed rate."""
        misses = (self.p - self.y)[self._order][:, None]
        return np.abs(np.add.reduceat(ranked * misses, self._bins)).sum(axis=0)

    def _profit(self, groups: "_Groups", shares: Floats) -> Floats:
        """Money per 1000 customers: contact the likeliest churners up to capacity, none below break-even."""
        paying = shares * self._pays[:, None]
        saved = (
            self.economics.save_rate
            * self.economics.saved_margin
            * (paying * groups.positive).sum(axis=0)
        )
        spent = self.economics.contact_cost * (paying * groups.weight).sum(axis=0)
        return (saved - spent) / groups.total * PER_CUSTOMERS


@dataclass(frozen=True)
class _Groups:
    """Rows of equal score merged, highest score first: (groups, rounds) weights of churners and of all, and their sums."""

    positive: Floats
    weight: Floats
    positive_so_far: Floats
    weight_so_far: Floats

    @classmethod
    def of(cls, ranked: Floats, y: Floats, starts: NDArray[np.int64]) -> "_Groups":
        positive, weight = ranked * y[:, None], ranked
        if len(starts) < len(ranked):
            positive, weight = np.add.reduceat(positive, starts), np.add.reduceat(weight, starts)
        return cls(positive, weight, np.cumsum(positive, axis=0), np.cumsum(weight, axis=0))

    @property
    def churners(self) -> Floats:
        return self.positive_so_far[-1]

    @property
    def total(self) -> Floats:
        return self.weight_so_far[-1]

    def auc(self) -> Floats:
        """Chance that a churner scores above a stayer; ties count half. Sums for each churner the stayers above it."""
        stayers = self.weight_so_far - self.positive_so_far
        above = stayers - (self.weight - self.positive) / 2
        return 1 - _ratio((self.positive * above).sum(axis=0), self.churners * stayers[-1])

    def average_precision(self) -> Floats:
        """Mean precision at each churner found."""
        precision = self.positive_so_far / np.maximum(self.weight_so_far, 1e-12)
        return _ratio((precision * self.positive).sum(axis=0), self.churners)

    def contacted(self, capacity_share: float) -> Floats:
        """Share of each group that is contacted when the best come first and capacity ends."""
        room = capacity_share * self.total - self.weight_so_far + self.weight
        return np.clip(room / np.maximum(self.weight, 1e-12), 0, 1)

    def lift(self, shares: Floats) -> Floats:
        """Churn rate among those contacted, over the base rate."""
        reached = _ratio((shares * self.positive).sum(axis=0), (shares * self.weight).sum(axis=0))
        return _ratio(reached, self.churners / self.total)


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
        n, churned, flagged = (
            self.tp + self.fp + self.fn + self.tn,
            self.tp + self.fn,
            self.tp + self.fp,
        )
        return {
            "base_rate": churned / n if n else 0.0,
            "precision": self.tp / flagged if flagged else 0.0,
            "recall": self.tp / churned if churned else 0.0,
            "false_positive_rate": self.fp / (n - churned) if n > churned else 0.0,
        }
