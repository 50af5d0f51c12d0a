"""Declared candidates: unique names, kinds that serving reads, no class reweighting."""

import numpy as np
import pytest

from retention_assets.modeling.candidates.declared import CANDIDATES, candidate
from retention_assets.modeling.candidates.logistic_regression import fit
from retention_assets.modeling.pipeline import fit_model
from retention_assets_tests.modeling.factories import examples, fit_rows
from serve.model.card import MODEL_FILES

DATA = examples(customers=200, weeks=8, signal=0.5)
ALL = np.ones(len(DATA), dtype=bool)


def test_names_are_unique_identifiers() -> None:
    names = [item.name for item in CANDIDATES]
    assert len(set(names)) == len(names) and all(name.isidentifier() for name in names)
    assert [candidate(name) for name in names] == list(CANDIDATES)


def test_kinds_are_those_that_serving_reads() -> None:
    assert {item.kind for item in CANDIDATES} == set(MODEL_FILES)


@pytest.mark.parametrize("name", ["xgboost", "random_forest", "logistic_regression"])
def test_raw_scores_keep_the_prevalence(name: str) -> None:
    declared = candidate(name)
    before = dict(declared.params)
    raw = fit_model(declared, DATA, ALL, 7).raw(DATA.X)
    assert DATA.y.mean() < 0.25 and raw.mean() == pytest.approx(DATA.y.mean(), abs=0.02)
    assert declared.params == before


def test_candidates_of_one_kind_differ_by_parameters() -> None:
    weak, strong, same = (
        fit(fit_rows(DATA), {"C": penalty}, 7).model for penalty in (1e-4, 1.0, 1.0)
    )
    assert weak != strong == same
