"""The leaderboard: candidates and baselines on the same untouched rows, with intervals."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retention_assets.modeling.evaluation.intervals import Samples, interval, resample
from retention_assets.modeling.evaluation.metrics import Evaluation

# Figures shown with an interval; the others are shown alone.
WITH_INTERVAL = ("auc", "average_precision", "brier", "ece", "profit")
ALONE = ("log_loss", "accuracy", "lift")


@dataclass(frozen=True)
class BootstrapScores:
    """Scorers on the same rows: point figures, and bootstrap samples paired across scorers."""

    points: dict[str, dict[str, float]]
    samples: Samples

    @classmethod
    def of(
        cls, scorers: Mapping[str, Evaluation], entities: NDArray[np.str_], rounds: int, seed: int
    ) -> "BootstrapScores":
        """Figures of all scorers, resampled by entity."""
        points = {name: scorer.point() for name, scorer in scorers.items()}
        return cls(points, resample(scorers, entities, rounds, seed))

    def difference(self, metric: str, name: str, other: str) -> tuple[float, NDArray[np.float64]]:
        """Point and paired samples of name - other."""
        return (
            self.points[name][metric] - self.points[other][metric],
            self.samples[name][metric] - self.samples[other][metric],
        )

    def rows(self, candidates: set[str]) -> list[dict[str, object]]:
        """One row per scorer, the most profitable first, ties by Brier score."""
        ranked = sorted(
            self.points, key=lambda name: (-self.points[name]["profit"], self.points[name]["brier"])
        )
        return [self._row(name, name in candidates) for name in ranked]

    def _row(self, name: str, is_candidate: bool) -> dict[str, object]:
        point = self.points[name]
        sample = self.samples[name]
        row: dict[str, object] = {
            "candidate": name,
            "kind": "candidate" if is_candidate else "baseline",
        }
        row["base_rate"] = point["base_rate"]
        for metric in WITH_INTERVAL:
            low, high = interval(sample[metric])
            row |= {metric: point[metric], f"{metric}_low": low, f"{metric}_high": high}
        return row | {metric: point[metric] for metric in ALONE}


def best_candidate(points: Mapping[str, Mapping[str, float]]) -> str:
    """The best Brier score among the candidates of about the highest expected profit: those that
    fall short of it by no more than its standard error, `profit_error` (Breiman et al. 1984,
    section 3.4.3). On some thousand rows the most profitable of four is often only the luckiest.
    """
    highest = max(points.values(), key=lambda point: point["profit"])
    least = highest["profit"] - highest["profit_error"]
    tied = [name for name, point in points.items() if point["profit"] >= least]
    return min(tied, key=lambda name: (points[name]["brier"], -points[name]["profit"]))
