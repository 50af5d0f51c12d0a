"""Evidence for gates: a challenger, its rivals and a champion, by figures and their spread."""

from collections.abc import Mapping

import numpy as np

from retention_assets.modeling.evaluation.baselines import EVERYBODY, NOBODY
from retention_assets.modeling.evaluation.leaderboard import BootstrapScores
from retention_assets.modeling.promotion.evidence import (
    CHAMPION,
    Latency,
    PromotionEvidence,
)

ROUNDS = 400
NOBODY_NAME = NOBODY.name
EVERYBODY_NAME = EVERYBODY.name
RECENCY_ONLY = "recency_only"
# Metric -> (point, standard deviation over the rounds) of a scorer. Tests state the differences.
CALIBRATED = {"mean_error": (0.005, 0.003), "squared_calibration_error": (1e-4, 5e-5)}
GOOD = {"profit": (900.0, 20.0), "auc": (0.78, 0.01), "brier": (0.12, 0.001), **CALIBRATED}
RIVALS = {
    NOBODY_NAME: {
        "profit": (0.0, 0.0),
        "auc": (0.5, 0.0),
        "brier": (0.15, 0.001),
    },
    EVERYBODY_NAME: {
        "profit": (-500.0, 20.0),
        "auc": (0.5, 0.0),
        "brier": (0.15, 0.001),
    },
    RECENCY_ONLY: {
        "profit": (400.0, 20.0),
        "auc": (0.6, 0.01),
        "brier": (0.14, 0.001),
    },
}

Figures = Mapping[str, tuple[float, float]]


def evidence(
    challenger: Figures = GOOD,
    rivals: Mapping[str, Figures] = RIVALS,
    champion: Figures | None = None,
) -> PromotionEvidence:
    """A challenger and its rivals, whose figures vary independently from round to round."""
    rng = np.random.default_rng(11)
    scorers = {"challenger": challenger, **rivals} | ({CHAMPION: champion} if champion else {})
    points = {
        name: {metric: point for metric, (point, _) in figures.items()}
        for name, figures in scorers.items()
    }
    samples = {
        name: {m: p + s * rng.normal(size=ROUNDS) for m, (p, s) in figures.items()}
        for name, figures in scorers.items()
    }
    return PromotionEvidence(
        challenger="challenger",
        tries=4,
        scores=BootstrapScores(points, samples),
        baselines=tuple(rivals),
        rankings=tuple(name for name in rivals if name == RECENCY_ONLY),
        has_champion=champion is not None,
        slice_differences={"new": (-0.02, -0.02 + 0.001 * rng.normal(size=ROUNDS))},
        slice_mean_errors={"new": (0.01, 0.01 + 0.003 * rng.normal(size=ROUNDS))},
        calibration_tolerance=0.03,
        latency=Latency(challenger_ms=1.2, reference_ms=0.2),
        max_latency_ratio=50.0,
        digest="0" * 64,
        has_signature=True,
    )


def differing(
    differences: Mapping[str, tuple[float, float]], base: Figures = GOOD
) -> dict[str, tuple[float, float]]:
    return {**base, **differences}
