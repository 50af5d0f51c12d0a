"""Logistic regression, saved as JSON coefficients."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from retention_assets.modeling.candidates.rows import FitRows, Fitted, Preprocess


def fit(rows: FitRows, params: Mapping[str, Any], seed: int) -> Fitted:
    """Fits on all rows, on standardized features, so that one penalty treats all alike."""
    from sklearn.linear_model import LogisticRegression

    preprocess = Preprocess.of(rows.X)
    model = LogisticRegression(**params, random_state=seed)
    model.fit(preprocess.apply(rows.X), rows.y, sample_weight=rows.w)
    content = {
        "coef": np.ravel(model.coef_).tolist(),
        "intercept": np.ravel(model.intercept_).item(),
    }
    return Fitted(
        json.dumps(content).encode(), preprocess, {"iterations": float(np.max(model.n_iter_))}
    )
