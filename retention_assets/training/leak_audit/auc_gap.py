"""By how much a naive join with today's values would overstate a model: the AUC of one linear model
under both joins. Arrays in, values out.
"""

from collections.abc import Mapping

import numpy as np

from retention_assets.modeling.evaluation.intervals import interval, resample
from retention_assets.modeling.evaluation.metrics import Evaluation
from retention_assets.modeling.examples import Floats
from retention_assets.modeling.utility import Utility
from retention_assets.training.leak_audit.readings import Readings

FOLDS = 5
PENALTY = 10.0  # on weights of standardized features: what ten rows say against them
MIN_OF_LABEL = 20  # fewer customers of either label give no AUC worth a figure
ROUNDS = 200
SEED = 17


def auc_gap(readings: Readings, utility: Utility) -> Mapping[str, float]:
    """AUC on customers whom the model was not fitted on, with features as of the day and with
    today's, and the gap with its 95% interval by customer. Empty if a label is too rare.

    `utility`: what the platform's evaluation needs besides; it does not change the AUC.
    """
    unique, entity = np.unique(readings.entities, return_inverse=True)
    if min(np.bincount(readings.y, minlength=2)) < MIN_OF_LABEL:
        return {}
    fold = np.random.default_rng(SEED).permutation(len(unique))[entity] % FOLDS
    joins = {"auc_as_of": readings.known, "auc_naive": readings.latest}
    scorers = {
        name: Evaluation(readings.y, _scores(X, readings.y, fold), utility)
        for name, X in joins.items()
    }
    points = {name: scorer.point()["auc"] for name, scorer in scorers.items()}
    samples = resample(scorers, readings.entities, ROUNDS, SEED)
    low, high = interval(samples["auc_naive"]["auc"] - samples["auc_as_of"]["auc"])
    gap = points["auc_naive"] - points["auc_as_of"]
    return points | {"auc_gap": gap, "auc_gap_low": low, "auc_gap_high": high}


def _scores(X: Floats, y: np.ndarray, fold: np.ndarray) -> Floats:
    """Scores in (0, 1) by a ridge regression on the label that is fitted on the other folds."""
    logs = np.sign(X) * np.log1p(np.abs(X))
    scores = np.zeros(len(y))
    for number in range(FOLDS):
        fitted = fold != number
        rows = logs[fitted]
        known = ~np.isnan(rows)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, rows, 0).sum(axis=0) / count
        scale = np.sqrt(np.where(known, (rows - mean) ** 2, 0).sum(axis=0) / count)
        Z = np.nan_to_num((logs - mean) / np.where(scale > 0, scale, 1))
        base = y[fitted].mean()
        A = Z[fitted].T @ Z[fitted] + PENALTY * np.eye(Z.shape[1])
        weights = np.linalg.solve(A, Z[fitted].T @ (y[fitted] - base))
        scores[~fitted] = base + Z[~fitted] @ weights
    return 1 / (1 + np.exp(-scores))
