"""Examples as arrays: the same rows give the same arrays and the same fingerprint, in whatever order a table holds them."""

import numpy as np
import pytest

from retention_assets.errors import NotTrainableError
from retention_assets.training.task import churn_examples
from retention_assets_tests.modeling.factories import FEATURES, as_table, examples

DATA = examples(customers=40, weeks=5)


def test_a_table_comes_back_as_the_examples_that_it_holds_and_bookkeeping_is_no_feature() -> None:
    found = churn_examples(as_table(DATA))
    assert found.features == FEATURES
    assert (
        (found.entities == DATA.entities).all()
        and (found.as_of == DATA.as_of).all()
        and (found.y == DATA.y).all()
    )
    np.testing.assert_array_equal(found.X, DATA.X)
    assert found.fingerprint == DATA.fingerprint


def test_neither_arrays_nor_fingerprint_depend_on_the_order_of_rows() -> None:
    table = as_table(DATA)
    turned = churn_examples(table.take(np.random.default_rng(0).permutation(table.num_rows)))
    np.testing.assert_array_equal(turned.X, DATA.X)
    assert turned.fingerprint == DATA.fingerprint


@pytest.mark.parametrize("part", ["entities", "as_of", "X", "y"])
def test_the_fingerprint_sees_every_part_of_the_data(part: str) -> None:
    changed = DATA.take(np.arange(len(DATA)))
    values = getattr(changed, part)
    values[0] = (
        values[1]
        if part == "entities" and values[0] != values[1]
        else values[0] + (0 if part == "entities" else 1)
    )
    assert changed.fingerprint != DATA.fingerprint


def test_an_older_models_columns_come_in_its_order_and_a_lacking_one_is_named() -> None:
    np.testing.assert_array_equal(
        DATA.columns(["total_revenue", "recency_days"]), DATA.X[:, [2, 0]]
    )
    with pytest.raises(NotTrainableError, match=r"The examples lack clv\."):
        DATA.columns(["recency_days", "clv"])


def test_no_matured_row_is_said_with_what_to_wait_for() -> None:
    with pytest.raises(NotTrainableError, match=r"final label yet.*gap, horizon and reporting lag"):
        churn_examples(as_table(DATA).slice(0, 0))
