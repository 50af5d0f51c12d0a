"""Scorers that need no model: what any candidate has to beat. Fitted on the same training rows as the candidates."""

import numpy as np

from retention_assets.modeling.calibration import fit_platt
from retention_assets.modeling.evaluation.metrics import Economics, Evaluation
from retention_assets.modeling.examples import Bools, Examples, Floats

RECENCY = "recency_days"
NOBODY, EVERYBODY, RECENCY_ONLY = "nobody", "everybody", "recency_only"


def baselines(
    data: Examples, train: Bools, test: Examples, economics: Economics
) -> dict[str, Evaluation]:
    """Nobody is contacted; everybody is alike, so that capacity is filled at random; the longest silent come first."""
    rate = float(data.y[train].mean())
    constant = np.full(len(test), rate)
    nothing = Economics(
        economics.contact_cost, economics.saved_margin, 0.0, economics.capacity_share
    )
    found = {
        NOBODY: Evaluation(test.y, constant, nothing),
        EVERYBODY: Evaluation(test.y, constant, economics, held_back=False),
    }
    if RECENCY in data.features:
        found[RECENCY_ONLY] = Evaluation(test.y, _by_recency(data, train, test), economics)
    return found


def _by_recency(data: Examples, train: Bools, test: Examples) -> Floats:
    """Churn probability from log recency alone, a logistic curve; unknown recency counts as the longest seen."""
    column = data.features.index(RECENCY)
    longest = float(np.nanmax(data.X[train, column], initial=1.0))
    seen, asked = (
        np.log1p(np.nan_to_num(np.clip(X[:, column], 0, None), nan=longest))
        for X in (data.X[train], test.X)
    )
    # fit_platt works on the logit of what it is given: hand it the sigmoid of the standardised log recency.
    centre, scale = seen.mean(), seen.std() or 1.0
    curve = fit_platt(_sigmoid((seen - centre) / scale), data.y[train])
    return curve.apply(_sigmoid((asked - centre) / scale))


def _sigmoid(x: Floats) -> Floats:
    return 1 / (1 + np.exp(-x))
