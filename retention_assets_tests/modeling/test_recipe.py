"""Recipes: text that names a candidate and its parameters, and the candidate read back from it."""

import pytest

from retention_assets.modeling.candidates.declared import CANDIDATES, candidate
from retention_assets.modeling.recipe import candidate_of, recipe_of


@pytest.mark.parametrize("declared", CANDIDATES, ids=lambda item: item.name)
def test_recipe_gives_the_candidate_back(declared) -> None:
    read = candidate_of(recipe_of(declared), CANDIDATES)
    assert read is not None and recipe_of(read) == recipe_of(declared)
    assert (read.name, read.kind, read.fit) == (declared.name, declared.kind, declared.fit)


def test_recipe_keeps_parameters_other_than_the_declared() -> None:
    read = candidate_of('{"candidate": "logistic_regression", "params": {"C": 3.0}}', CANDIDATES)
    assert read is not None and read.params == {"C": 3.0}
    assert recipe_of(read) != recipe_of(candidate("logistic_regression"))


def test_recipe_of_a_removed_candidate_gives_none() -> None:
    assert candidate_of('{"candidate": "of_before", "params": {}}', CANDIDATES) is None
