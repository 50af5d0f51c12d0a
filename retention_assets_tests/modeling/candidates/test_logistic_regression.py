"""The coefficients are the penalized optimum on all rows, whatever the features' units."""

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from retention_assets.modeling.candidates.logistic_regression import fit
from retention_assets.modeling.candidates.rows import FitRows, Fitted
from retention_assets.modeling.pipeline import served_model
from retention_assets_tests.modeling.factories import examples, fit_rows

ROWS = fit_rows(examples(customers=80, weeks=5))
C = 0.1


def probabilities(fitted: Fitted, X: np.ndarray) -> np.ndarray:
    assert fitted.preprocess is not None
    return served_model("logistic_regression", fitted.model, X.shape[1])(fitted.preprocess.apply(X))


@pytest.mark.parametrize("weights", [np.ones(len(ROWS.y)), np.resize([0.0, 1.0, 3.0], len(ROWS.y))])
def test_saved_coefficients_minimize_penalized_loss(weights: np.ndarray) -> None:
    """The gradient of C x sum of w x log loss + |coef|² / 2 is 0; the intercept has no penalty."""
    fitted = fit(replace(ROWS, w=weights), {"C": C, "max_iter": 500, "tol": 1e-8}, seed=7)
    assert fitted.preprocess is not None
    Z = fitted.preprocess.apply(ROWS.X)
    saved = json.loads(fitted.model)
    miss = weights * (1 / (1 + np.exp(-(Z @ saved["coef"] + saved["intercept"]))) - ROWS.y)
    assert C * miss.sum() == pytest.approx(0.0, abs=1e-3)
    assert C * miss @ Z + saved["coef"] == pytest.approx(np.zeros(Z.shape[1]), abs=1e-3)
    assert np.abs(saved["coef"]).max() > 0.1 and fitted.notes["iterations"] >= 1


@pytest.mark.parametrize(
    "change",
    [lambda x: 1000 * x, lambda x: x / 7 - 40, lambda x: -x],
    ids=["scaled", "shifted", "negated"],
)
def test_feature_unit_does_not_change_probabilities(
    change: Callable[[np.ndarray], np.ndarray],
) -> None:
    other = np.column_stack([change(ROWS.X[:, 0]), ROWS.X[:, 1:]])
    first, second = (
        fit(replace(ROWS, X=X), {"C": C, "tol": 1e-8}, seed=7) for X in (ROWS.X, other)
    )
    assert probabilities(first, ROWS.X) == pytest.approx(probabilities(second, other), abs=1e-5)


def test_logistic_regression_ignores_stop_rows() -> None:
    stopping = FitRows(ROWS.X, ROWS.y, ROWS.w, np.ones(len(ROWS.y), dtype=bool))
    assert fit(ROWS, {"C": C}, seed=7).model == fit(stopping, {"C": C}, seed=7).model


def test_unknown_value_scores_like_median() -> None:
    fitted = fit(ROWS, {"C": C}, seed=7)
    median = np.nanmedian(ROWS.X, axis=0)
    assert probabilities(fitted, np.full((1, 4), np.nan)) == pytest.approx(
        probabilities(fitted, median[None, :])
    )
