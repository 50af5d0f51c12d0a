"""What a score is worth on labeled rows, at natural prevalence: ranking, calibration and money.

Every metric is one function of how often each entity counts, so that a figure and its bootstrap
interval come from the same code. Knows nothing of models.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from retention_assets.modeling.examples import Examples, Floats
from retention_assets.modeling.utility import Utility

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

BINS = 10
LOSS_CLIP = 1e-15
ACCURACY_CUT = 0.5
PER_ENTITIES = 1000

# "ranked": the highest scores first, none below break-even. "random": the scorer cannot rank, so
# capacity is filled whatever the score. "never": nobody is acted on.
Acting = Literal["ranked", "random", "never"]
SUMS = ("total", "positives", "paying", "brier", "log_loss", "accuracy")


class Evaluation:
    """One scorer's probabilities against the labels, and how its scores are acted on.

    `reachable`: 1 for the positives that an action reaches in time, which alone are worth money;
    None: all are. `weights`: how much each row counts; None: all count 1.
    """

    def __init__(
        self,
        y: NDArray[np.int8],
        p: Floats,
        utility: Utility,
        acting: Acting = "ranked",
        reachable: NDArray[np.int8] | None = None,
        weights: Floats | None = None,
    ) -> None:
        self.y = y.astype(np.float64)
        self.reachable = (y if reachable is None else reachable) > 0
        self.p = p
        self.w = np.ones(len(y)) if weights is None else weights
        self.utility = utility
        self.acting: Acting = acting

    @classmethod
    def of(
        cls, rows: Examples, p: Floats, utility: Utility, acting: Acting = "ranked"
    ) -> "Evaluation":
        """Probabilities of these rows, which have labels, reach and weights."""
        return cls(rows.y, p, utility, acting, rows.reachable, rows.weights)

    def point(self) -> dict[str, float]:
        """Every metric with all rows counted once."""
        all_rows = self.by_entity(np.zeros(len(self.y), dtype=np.int64), 1)
        return {name: float(value[0]) for name, value in all_rows.at(np.ones((1, 1))).items()}

    def by_entity(self, entity: NDArray[np.int64], entities: int) -> "EntityMetrics":
        """The rows summed up by entity; `entity` is the number (0 to entities - 1) of each row."""
        from scipy.sparse import csr_matrix

        order = np.argsort(-self.p, kind="stable")
        ranked = self.p[order]
        group = np.cumsum(np.r_[False, ranked[1:] != ranked[:-1]])
        positive = self.y[order] > 0
        reachable = self.reachable[order]
        with_positives = np.unique(group[positive])
        slots = len(with_positives)
        slot = np.searchsorted(with_positives, group)
        before_last = slot < slots
        inside = before_last & (
            with_positives[np.minimum(slot, slots - 1)] == group if slots else False
        )
        row = np.r_[
            slot[before_last] + slots * inside[before_last],
            2 * slots + slot[positive],
            3 * slots + slot[reachable],
        ]
        parts = (before_last, positive, reachable)
        column = np.concatenate([entity[order][rows] for rows in parts])
        weight = np.concatenate([self.w[order][rows] for rows in parts])
        counts = csr_matrix((weight, (row, column)), shape=(4 * slots, entities))
        first_row = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
        scores = ranked[first_row][with_positives]
        return EntityMetrics(
            ranks=counts,
            pays=self._pays(scores)[:, None],
            sums=self._sums(order, entity, entities),
            utility=self.utility,
        )

    def _pays(self, scores: Floats) -> NDArray[np.bool_]:
        if self.acting == "ranked":
            return scores >= self.utility.breakeven
        return np.full(len(scores), self.acting == "random")

    def _sums(self, order: NDArray, entity: NDArray[np.int64], entities: int) -> Floats:
        """(SUMS, misses and rows of calibration bins, entities): what each row adds, by entity."""
        p = np.clip(self.p, LOSS_CLIP, 1 - LOSS_CLIP)
        parts: dict[str, Floats] = {
            "total": np.ones(len(p)),
            "positives": self.y,
            "paying": self._pays(self.p).astype(np.float64),
            "brier": (self.p - self.y) ** 2,
            "log_loss": -(self.y * np.log(p) + (1 - self.y) * np.log1p(-p)),
            "accuracy": ((self.p >= ACCURACY_CUT) == (self.y > 0)).astype(np.float64),
        }
        w = self.w
        rows = [np.bincount(entity, w * parts[name], entities) for name in SUMS]
        bins = np.split(order, np.unique(np.arange(BINS) * len(p) // BINS)[1:])
        for values in (w * (self.p - self.y), w):
            rows += [np.bincount(entity[part], values[part], entities) for part in bins]
        return np.stack(rows).astype(np.float64)


@dataclass(frozen=True)
class EntityMetrics:
    """One scorer's rows summed up by entity, ready to be counted any number of times.

    Rows of equal score form a group. Only groups with a positive row matter to a ranking figure, so
    `ranks` (4 x groups, entities) counts rows before each such group, in it, its positives, and
    those of them that an action reaches in time.
    """

    ranks: "csr_matrix"
    pays: NDArray[np.bool_]
    sums: Floats
    utility: Utility

    def at(self, counts: Floats) -> dict[str, Floats]:
        """Every metric, (rounds,), where `counts` (entities, rounds) says how often each counts.

        `mean_error`: probability less label, calibration in the large. `squared_calibration_error`:
        the same in each of BINS bins of scores, squared, weighted by rows.
        """
        summed = dict(zip(SUMS, self.sums[: len(SUMS)] @ counts, strict=True))
        misses, rows_of_bins = np.split(self.sums[len(SUMS) :] @ counts, 2)
        total = summed["total"]
        before, weight, positive, reachable = np.split(np.asarray(self.ranks @ counts), 4)
        weight_so_far = np.cumsum(before + weight, axis=0)
        positive_so_far = np.cumsum(positive, axis=0)
        capacity = self.utility.capacity_share * total
        # Share of each group that is acted on when the best come first and capacity ends.
        room = capacity - weight_so_far + weight
        acted = np.clip(room / np.maximum(weight, 1e-12), 0, 1)
        reached = acted * positive
        # Chance that a positive scores above a negative; ties count half.
        above = weight_so_far - positive_so_far - (weight - positive) / 2
        negatives = total - summed["positives"]
        wrong = _ratio((positive * above).sum(axis=0), summed["positives"] * negatives)
        # Mean precision at each positive.
        precision = positive_so_far / np.maximum(weight_so_far, 1e-12)
        base_rate = summed["positives"] / total
        value = self.utility.value(
            (acted * reachable * self.pays).sum(axis=0), np.minimum(capacity, summed["paying"])
        )
        return {
            "base_rate": base_rate,
            "auc": 1 - wrong,
            "average_precision": _ratio((precision * positive).sum(axis=0), summed["positives"]),
            "brier": summed["brier"] / total,
            "ece": np.abs(misses).sum(axis=0) / total,
            "mean_error": misses.sum(axis=0) / total,
            "squared_calibration_error": _ratio(misses**2, rows_of_bins).sum(axis=0) / total,
            "log_loss": summed["log_loss"] / total,
            "accuracy": summed["accuracy"] / total,
            "profit": value / total * PER_ENTITIES,
            "lift": _ratio(_ratio(reached.sum(axis=0), np.minimum(capacity, total)), base_rate),
        }


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


@dataclass(frozen=True)
class Confusion:
    """The one table that precision, recall and the false-alarm rate all come from."""

    tp: float
    fp: float
    fn: float
    tn: float

    @classmethod
    def of(
        cls, y: NDArray[np.int8], p: Floats, threshold: float, weights: Floats | None = None
    ) -> "Confusion":
        """Counts rows, each by its weight, by label and by whether their probability reaches the
        threshold.
        """
        flagged = p >= threshold
        positive = y > 0
        w = np.ones(len(y)) if weights is None else weights
        return cls(
            tp=float(w[flagged & positive].sum()),
            fp=float(w[flagged & ~positive].sum()),
            fn=float(w[~flagged & positive].sum()),
            tn=float(w[~flagged & ~positive].sum()),
        )

    def rates(self) -> dict[str, float]:
        """base_rate, precision, recall, false_positive_rate; 0 where a denominator is 0."""
        rows = self.tp + self.fp + self.fn + self.tn
        positives = self.tp + self.fn
        flagged = self.tp + self.fp
        return {
            "base_rate": positives / rows if rows else 0.0,
            "precision": self.tp / flagged if flagged else 0.0,
            "recall": self.tp / positives if positives else 0.0,
            "false_positive_rate": self.fp / (rows - positives) if rows > positives else 0.0,
        }
