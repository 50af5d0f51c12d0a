"""Examples as arrays: neither they nor their fingerprint depend on the table's row order."""

from dataclasses import replace

import numpy as np
import pytest

from retention_assets.errors import NotTrainableError
from retention_assets.training.task import churn_examples
from retention_assets_tests.modeling.factories import FEATURES, as_table, contacted, examples

DATA = examples(customers=40, weeks=5)


def test_table_is_read_without_bookkeeping_columns() -> None:
    data = churn_examples(as_table(DATA))
    assert data.features == FEATURES
    assert (
        (data.entities == DATA.entities).all()
        and (data.as_of == DATA.as_of).all()
        and (data.y == DATA.y).all()
    )
    np.testing.assert_array_equal(data.X, DATA.X)
    assert data.fingerprint == DATA.fingerprint


def test_row_order_does_not_change_arrays_or_fingerprint() -> None:
    table = as_table(DATA)
    shuffled = churn_examples(table.take(np.random.default_rng(0).permutation(table.num_rows)))
    np.testing.assert_array_equal(shuffled.X, DATA.X)
    assert shuffled.fingerprint == DATA.fingerprint


@pytest.mark.parametrize("part", ["entities", "as_of", "X", "y"])
def test_fingerprint_changes_with_every_part_of_data(part: str) -> None:
    changed = DATA.take(np.arange(len(DATA)))
    values = getattr(changed, part)
    values[0] = (
        values[1]
        if part == "entities" and values[0] != values[1]
        else values[0] + (0 if part == "entities" else 1)
    )
    assert changed.fingerprint != DATA.fingerprint


def test_positives_that_come_too_late_are_out_of_reach() -> None:
    late = replace(DATA, too_late=np.arange(len(DATA)) % 3 == 0)
    data = churn_examples(as_table(late))
    assert np.array_equal(data.y, DATA.y)
    expected = [label and at % 3 > 0 for at, label in enumerate(DATA.y)]
    assert data.reachable.tolist() == expected
    assert data.take(np.arange(9)).reachable.tolist() == expected[:9]
    assert data.fingerprint == late.fingerprint != DATA.fingerprint


def test_weights_are_read_and_kept_with_their_rows() -> None:
    weighted = contacted(DATA)
    table = as_table(weighted)
    shuffled = table.take(np.random.default_rng(0).permutation(table.num_rows))
    data = churn_examples(shuffled)
    assert data.w.tolist() == weighted.w.tolist()
    assert data.take(np.arange(9)).w.tolist() == weighted.w[:9].tolist()
    assert data.fingerprint == weighted.fingerprint
    assert data.fingerprint != replace(weighted, weights=None).fingerprint


def test_rows_that_all_count_the_same_have_no_weights() -> None:
    data = churn_examples(as_table(DATA))
    assert data.weights is None
    assert data.w.tolist() == [1.0] * len(DATA)


def test_columns_follow_requested_order_or_name_missing() -> None:
    np.testing.assert_array_equal(
        DATA.columns(["total_revenue", "recency_days"]), DATA.X[:, [2, 0]]
    )
    with pytest.raises(NotTrainableError, match=r"The examples lack clv\."):
        DATA.columns(["recency_days", "clv"])


def test_examples_without_final_label_raise_error_with_fix() -> None:
    with pytest.raises(NotTrainableError, match=r"final label yet.*gap, horizon and reporting lag"):
        churn_examples(as_table(DATA).slice(0, 0))
