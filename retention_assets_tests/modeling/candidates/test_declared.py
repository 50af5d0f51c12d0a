"""A candidate is a line of data: its name is its own, serving can read its kind, its parameters are its fit's, none reweights."""

import numpy as np
import pytest

from retention_assets.modeling.candidates.declared import CANDIDATES, Candidate, candidate
from retention_assets.modeling.pipeline import fit_model
from retention_assets_tests.modeling.factories import examples, fit_rows
from serve.model.card import MODEL_FILES

DATA = examples(customers=200, weeks=8, signal=0.5)
ALL = np.ones(len(DATA), dtype=bool)


def test_names_are_told_apart_and_can_name_an_asset() -> None:
    names = [each.name for each in CANDIDATES]
    assert len(set(names)) == len(names) and all(name.isidentifier() for name in names)
    assert [candidate(name) for name in names] == list(CANDIDATES)


def test_serving_reads_every_kind_and_every_kind_that_it_reads_is_tried() -> None:
    assert {each.kind for each in CANDIDATES} == set(MODEL_FILES)


@pytest.mark.parametrize("name", ["xgboost", "random_forest", "logistic_regression"])
def test_raw_scores_keep_the_prevalence_as_no_class_is_reweighted(name: str) -> None:
    declared = candidate(name)
    before = dict(declared.params)
    raw = fit_model(declared, DATA, ALL, 7).raw(DATA.X)
    assert DATA.y.mean() < 0.25 and raw.mean() == pytest.approx(DATA.y.mean(), abs=0.02)
    assert declared.params == before


def test_two_of_a_kind_differ_by_their_parameters_alone() -> None:
    weak, strong, same = (
        Candidate(name, "logistic_regression", "", (), {"C": c}).fit(fit_rows(DATA), 7)
        for name, c in [("weak", 1e-4), ("strong", 1.0), ("same", 1.0)]
    )
    assert weak.model != strong.model == same.model


def test_a_kind_without_a_module_is_told_by_its_name() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"candidates\.oracle"):
        Candidate("oracle", "oracle", "", ()).fit(fit_rows(DATA), 7)
