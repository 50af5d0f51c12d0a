"""Agreement of two partitions equals scikit-learn's, and moves are counted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from retention_assets.value.migration import adjusted_rand_index, contingency, share_moved

NAMES = ["a", "b", "c", "d"]
PARTITIONS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=60)


@given(customers=PARTITIONS.filter(lambda pairs: len(pairs) > 1))
def test_index_equals_that_of_scikit_learn(customers: list[tuple[str, str]]) -> None:
    table = contingency([(before, after, 1) for before, after in customers], NAMES)
    before, after = zip(*customers, strict=True)
    assert adjusted_rand_index(table) == pytest.approx(adjusted_rand_score(before, after))


def test_shuffled_segments_agree_as_by_chance() -> None:
    random = np.random.default_rng(7)
    before = random.integers(0, 4, 20_000)
    table = np.zeros((4, 4), dtype=np.int64)
    np.add.at(table, (before, random.permutation(before)), 1)
    assert adjusted_rand_index(table) == pytest.approx(0.0, abs=0.005)


@pytest.mark.parametrize(
    ("moves", "share"),
    [
        ([], 0.0),
        ([("a", "a", 5)], 0.0),
        ([("a", "a", 6), ("a", "b", 3), ("b", "a", 1)], 0.4),
    ],
    ids=["nobody", "all stay", "some move"],
)
def test_share_moved_counts_changed_segments(
    moves: list[tuple[str, str, int]], share: float
) -> None:
    table = contingency(moves, NAMES)
    assert share_moved(table) == pytest.approx(share)
    assert table.sum() == sum(customers for *_, customers in moves)


def test_index_of_nobody_is_one() -> None:
    assert adjusted_rand_index(contingency([], NAMES)) == 1.0
