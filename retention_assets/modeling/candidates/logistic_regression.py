"""Logistic regression, saved as JSON coefficients."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from retention_assets.modeling.candidates.rows import FitRows, Fitted, Preprocess


def fit(rows: FitRows, params: Mapping[str, Any], seed: int) -> Fitted:
    """Fits on all rows, on standardized features, so that one penalty treats all alike.

    Its matrix products take one thread: their sums are the same on every machine, and threads that
    wait by spinning make the fit several times slower while other models are fitted beside it.
    """
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    preprocess = Preprocess.of(rows.X)
    model = LogisticRegression(**params, random_state=seed)
    with threadpool_limits(limits=1, user_api="blas"):
        model.fit(preprocess.apply(rows.X), rows.y, sample_weight=rows.w)
    content = {
        "coef": np.ravel(model.coef_).tolist(),
        "intercept": np.ravel(model.intercept_).item(),
    }
    return Fitted(
        json.dumps(content).encode(), preprocess, {"iterations": float(np.max(model.n_iter_))}
    )
