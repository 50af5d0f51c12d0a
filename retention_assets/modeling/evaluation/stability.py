"""How steady a scorer is: over time, over groups of rows, and from one model to the next.

Point figures on rows that no model was fitted on; decides nothing.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from retention_assets.modeling.evaluation.metrics import Evaluation
from retention_assets.modeling.examples import Bools, Examples, Floats
from retention_assets.modeling.utility import Utility

FIGURES = ("base_rate", "auc", "average_precision", "brier", "ece", "mean_error")
RANKING = ("auc", "average_precision")  # they do not exist where all labels are the same


def figures_by_period(rows: Examples, p: Floats, utility: Utility) -> list[dict[str, Any]]:
    """The figures of the probabilities `p` on the rows of each as-of day, in order of time."""
    days = np.unique(rows.as_of)
    parts = {str(day): rows.as_of == day for day in days}
    return [{"as_of": day} | _figures(rows, p, part, utility) for day, part in parts.items()]


def figures_by_slice(
    rows: Examples, p: Floats, slices: Mapping[str, Bools], utility: Utility
) -> list[dict[str, Any]]:
    """The figures in each slice; the one with the highest Brier score comes first."""
    figures = [{"slice": name} | _figures(rows, p, part, utility) for name, part in slices.items()]
    return sorted(figures, key=lambda row: -row["brier"])


def rank_correlation(p: Floats, other: Floats) -> float | None:
    """Spearman's correlation of two scores of the same rows: Pearson's of their ranks, with the
    mean rank for ties. None where one of them is constant.

    >>> rank_correlation(np.array([0.1, 0.2, 0.9]), np.array([0.3, 0.4, 0.5]))
    1.0
    """
    from scipy.stats import rankdata

    ranks = np.stack([rankdata(p), rankdata(other)])
    centered = ranks - ranks.mean(axis=1, keepdims=True)
    spread = np.sqrt((centered**2).sum(axis=1)).prod()
    return round(float((centered[0] * centered[1]).sum() / spread), 12) if spread > 0 else None


def _figures(rows: Examples, p: Floats, part: Bools, utility: Utility) -> dict[str, Any]:
    of_part = rows.take(part)
    point = Evaluation.of(of_part, p[part], utility).point()
    figures: dict[str, Any] = {name: point[name] for name in FIGURES}
    if of_part.y.min() == of_part.y.max():
        figures |= dict.fromkeys(RANKING)
    return {"rows": int(part.sum())} | figures
