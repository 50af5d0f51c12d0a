"""The forest's file depends on rows, parameters and seed, and on nothing else: not on threads, not on who would stop."""

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
def test_the_number_of_threads_leaves_no_trace(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = fit(ROWS, PARAMS, seed=7)
    monkeypatch.setattr(random_forest, "THREADS", threads)
    assert fit(ROWS, PARAMS, seed=7).model == usual.model


def test_it_needs_nobody_to_know_when_to_stop_and_another_seed_is_another_forest() -> None:
    usual = fit(ROWS, PARAMS, seed=7).model
    assert (
        fit(replace(ROWS, stop=~ROWS.stop), PARAMS, seed=7).model
        == usual
        != fit(ROWS, PARAMS, seed=8).model
    )


def test_the_file_holds_as_many_trees_as_were_asked_for_on_all_features() -> None:
    fitted = fit(ROWS, PARAMS, seed=7)
    trees = treelite.Model.deserialize_bytes(fitted.model)
    assert (trees.num_tree, trees.num_feature) == (15, ROWS.X.shape[1]) and fitted.notes == {
        "trees": 15
    }


def test_rows_that_weigh_nothing_say_nothing() -> None:
    """Every row stands twice, once with the other label, and only one of the two weighs."""
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
