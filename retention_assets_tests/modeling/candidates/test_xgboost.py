"""Trees are fitted without the stop rows, which only set how many trees are kept."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xgboost

from retention_assets.modeling.candidates.rows import FitRows, Fitted
from retention_assets.modeling.candidates.xgboost import fit
from retention_assets.modeling.pipeline import served_model
from retention_assets_tests.modeling.factories import examples, fit_rows

ROWS = fit_rows(examples(customers=150, weeks=6))
PARAMS: dict[str, Any] = {
    "rounds": 30,
    "patience": 3,
    "eta": 0.3,
    "max_depth": 3,
    "min_child_weight": 5.0,
    "lambda": 1.0,
}


def booster(fitted: Fitted) -> xgboost.Booster:
    return xgboost.Booster({"nthread": 1}, model_file=bytearray(fitted.model))


def log_loss(booster: xgboost.Booster, rows: FitRows) -> float:
    p = booster.inplace_predict(rows.X[rows.stop]).astype(np.float64)
    y = rows.y[rows.stop]
    return float(-np.average(np.log(np.where(y > 0, p, 1 - p)), weights=rows.w[rows.stop]))


def test_stop_rows_decide_only_number_of_trees() -> None:
    flipped = replace(ROWS, y=np.where(ROWS.stop, 1 - ROWS.y, ROWS.y).astype(np.int8))
    long, short = (booster(fit(rows, PARAMS, seed=7)) for rows in (ROWS, flipped))
    rounds = short.num_boosted_rounds()
    assert 1 <= rounds < long.num_boosted_rounds() < PARAMS["rounds"]
    assert long[:rounds].get_dump() == short.get_dump()
    np.testing.assert_array_equal(
        long[:rounds].inplace_predict(ROWS.X), short.inplace_predict(ROWS.X)
    )


def test_saved_model_ends_with_best_tree_for_stop_rows() -> None:
    weighted = replace(ROWS, w=np.resize([1.0, 2.0, 0.5], len(ROWS.y)))
    fitted = fit(weighted, PARAMS, seed=7)
    saved = booster(fitted)
    losses = [log_loss(saved[: at + 1], weighted) for at in range(saved.num_boosted_rounds())]
    assert fitted.notes["trees"] == len(losses) > 1 and np.argmin(losses) == len(losses) - 1
    assert fitted.notes["stop_log_loss"] == pytest.approx(losses[-1], abs=1e-5)
    longer = booster(fit(weighted, PARAMS | {"patience": PARAMS["rounds"]}, seed=7))
    assert longer[: len(losses)].get_dump() == saved.get_dump()


def test_xgboost_learns_from_unknown_values() -> None:
    """Customers leave if the second feature is unknown; its values carry no information."""
    rng = np.random.default_rng(0)
    unknown = rng.random(600) < 0.3
    X = np.column_stack([rng.random(600), np.where(unknown, np.nan, rng.random(600))])
    fitted = fit(
        FitRows(X, unknown.astype(np.int8), np.ones(600), np.arange(600) % 10 == 0), PARAMS, seed=7
    )
    assert fitted.preprocess is None
    p = served_model("xgboost", fitted.model, 2)(np.array([[0.5, np.nan], [0.5, 0.5]]))
    assert p[0] > 0.9 and p[1] < 0.1


def test_zero_weight_rows_do_not_affect_model() -> None:
    twice = FitRows(
        np.r_[ROWS.X, ROWS.X],
        np.r_[ROWS.y, 1 - ROWS.y].astype(np.int8),
        np.r_[ROWS.w, 0 * ROWS.w],
        np.r_[ROWS.stop, ROWS.stop],
    )
    once, both = (
        booster(fit(rows, PARAMS, seed=7)).inplace_predict(ROWS.X) for rows in (ROWS, twice)
    )
    assert both == pytest.approx(once, abs=0.1) and np.corrcoef(once, both)[0, 1] > 0.95


def test_refit_uses_the_stop_rows_too() -> None:
    """The number of trees is that of the fit which they stopped."""
    once = fit(ROWS, PARAMS, seed=1)
    again = fit(ROWS, {**PARAMS, "refit": True}, seed=1)
    assert booster(again).num_boosted_rounds() == booster(once).num_boosted_rounds()
    assert again.model != once.model and again.notes == once.notes


def test_subsample_depends_on_the_seed() -> None:
    params = {**PARAMS, "subsample": 0.5, "colsample_bytree": 0.5}
    assert fit(ROWS, params, seed=1).model == fit(ROWS, params, seed=1).model
    assert fit(ROWS, params, seed=1).model != fit(ROWS, params, seed=2).model
