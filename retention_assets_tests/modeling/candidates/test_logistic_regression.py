"""The coefficients are the penalized optimum on all rows, and a feature's unit is no advantage to it."""

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
def test_the_saved_coefficients_are_where_the_penalized_loss_is_flat(weights: np.ndarray) -> None:
    """Of C x sum of w x log loss + |coef|² / 2: the intercept is free of the penalty, the coefficients are not."""
    fitted = fit(replace(ROWS, w=weights), {"C": C, "max_iter": 500, "tol": 1e-8}, seed=7)
    assert fitted.preprocess is not None
    Z, said = fitted.preprocess.apply(ROWS.X), json.loads(fitted.model)
    miss = weights * (1 / (1 + np.exp(-(Z @ said["coef"] + said["intercept"]))) - ROWS.y)
    assert C * miss.sum() == pytest.approx(0.0, abs=1e-3)
    assert C * miss @ Z + said["coef"] == pytest.approx(np.zeros(Z.shape[1]), abs=1e-3)
    assert np.abs(said["coef"]).max() > 0.1 and fitted.notes["iterations"] >= 1


@pytest.mark.parametrize(
    "change",
    [lambda x: 1000 * x, lambda x: x / 7 - 40, lambda x: -x],
    ids=["grams", "shifted", "turned"],
)
def test_the_unit_of_a_feature_does_not_matter(change: Callable[[np.ndarray], np.ndarray]) -> None:
    other = np.column_stack([change(ROWS.X[:, 0]), ROWS.X[:, 1:]])
    one, two = (fit(replace(ROWS, X=X), {"C": C, "tol": 1e-8}, seed=7) for X in (ROWS.X, other))
    assert probabilities(one, ROWS.X) == pytest.approx(probabilities(two, other), abs=1e-5)


def test_it_needs_nobody_to_know_when_to_stop() -> None:
    stopping = FitRows(ROWS.X, ROWS.y, ROWS.w, np.ones(len(ROWS.y), dtype=bool))
    assert fit(ROWS, {"C": C}, seed=7).model == fit(stopping, {"C": C}, seed=7).model


def test_an_unknown_value_is_worth_what_the_median_is() -> None:
    fitted = fit(ROWS, {"C": C}, seed=7)
    median = np.nanmedian(ROWS.X, axis=0)
    assert probabilities(fitted, np.full((1, 4), np.nan)) == pytest.approx(
        probabilities(fitted, median[None, :])
    )
