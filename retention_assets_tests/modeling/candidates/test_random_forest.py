"""The forest's file depends only on rows, parameters and seed."""

from dataclasses import replace

import numpy as np
import pytest
import treelite

from retention_assets.modeling.candidates import random_forest
from retention_assets.modeling.candidates.random_forest import fit
from retention_assets.modeling.pipeline import served_model
from retention_assets_tests.modeling.factories import examples, fit_rows

ROWS = fit_rows(examples(customers=80, weeks=5))
PARAMS = {"n_estimators": 15, "max_depth": 6, "min_samples_leaf": 5}


@pytest.mark.parametrize("threads", [1, 3])
def test_thread_count_does_not_change_forest(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = fit(ROWS, PARAMS, seed=7)
    monkeypatch.setattr(random_forest, "THREADS", threads)
    assert fit(ROWS, PARAMS, seed=7).model == expected.model


def test_forest_depends_on_seed_but_not_on_stop_rows() -> None:
    expected = fit(ROWS, PARAMS, seed=7).model
    assert (
        fit(replace(ROWS, stop=~ROWS.stop), PARAMS, seed=7).model
        == expected
        != fit(ROWS, PARAMS, seed=8).model
    )


def test_file_holds_requested_trees_on_all_features() -> None:
    fitted = fit(ROWS, PARAMS, seed=7)
    trees = treelite.Model.deserialize_bytes(fitted.model)
    assert (trees.num_tree, trees.num_feature) == (15, ROWS.X.shape[1]) and fitted.notes == {
        "trees": 15
    }


def test_zero_weight_rows_do_not_affect_model() -> None:
    """Every row appears twice, with opposite labels; the second copy has weight 0."""
    twice = replace(
        ROWS,
        X=np.r_[ROWS.X, ROWS.X],
        y=np.r_[ROWS.y, 1 - ROWS.y].astype(np.int8),
        w=np.r_[ROWS.w, 0 * ROWS.w],
        stop=np.r_[ROWS.stop, ROWS.stop],
    )
    fitted = fit(
        twice, PARAMS | {"max_depth": None, "min_samples_leaf": 1, "bootstrap": False}, seed=7
    )
    assert fitted.preprocess is not None
    p = served_model("random_forest", fitted.model, ROWS.X.shape[1])(
        fitted.preprocess.apply(ROWS.X)
    )
    assert (p.round() == ROWS.y).all()
