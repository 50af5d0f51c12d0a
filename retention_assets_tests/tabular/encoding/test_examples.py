"""What a fold's other rows contain changes none of its features."""

from dataclasses import replace

import numpy as np

from retention_assets.tabular.encoding.examples import EncodedRows
from retention_assets.tabular.table import UNDATED, FlatTable

N = 600
RNG = np.random.default_rng(8)
LEARNED = RNG.random(N) < 0.5


def table(city: np.ndarray, plan: np.ndarray, y: np.ndarray) -> FlatTable:
    who = np.array([f"r{at}" for at in range(N)])
    columns = {"city": city, "plan": plan}
    return FlatTable("t.csv", who, np.full(N, UNDATED), columns, y, "1")


CITY = np.array([f"c{at}" for at in RNG.integers(0, 80, N)], dtype=object)
PLAN = np.array([f"p{at}" for at in RNG.integers(0, 3, N)], dtype=object)
Y = (RNG.random(N) < 0.3).astype(np.int8)
TABLE = table(CITY, PLAN, Y)


def test_other_rows_decide_nothing() -> None:
    """Other labels and other words in the rows that are not learned from."""
    plan = np.where(LEARNED, PLAN, "new")
    other = table(CITY, plan, np.where(LEARNED, Y, 1 - Y).astype(np.int8))
    one_way = EncodedRows([TABLE]).examples(LEARNED)
    other_way = EncodedRows([other]).examples(LEARNED)
    assert one_way.features == other_way.features
    assert np.array_equal(one_way.X[LEARNED], other_way.X[LEARNED], equal_nan=True)
    rates = [features.index("city (rate)") for features in (one_way.features,)]
    assert np.array_equal(one_way.X[:, rates], other_way.X[:, rates], equal_nan=True)


def test_examples_are_encoded_again_for_each_part() -> None:
    everything = np.ones(N, dtype=bool)
    rows = EncodedRows([TABLE])
    data = rows.examples(everything)
    part = data.learned_from(LEARNED)
    assert not np.array_equal(part.X, data.X)
    assert data.learned_from(everything) is data
    assert np.array_equal(part.learned_from(everything).X, data.X)


def test_second_table_is_encoded_but_not_learned_from() -> None:
    who = np.array([f"s{at}" for at in range(N)])
    second = replace(TABLE, name="s.csv", identifiers=who, y=(1 - Y).astype(np.int8))
    learned = np.arange(2 * N) < N
    both = EncodedRows([TABLE, second])
    alone = EncodedRows([TABLE])
    assert len(both.rows) == 2 * N
    assert np.array_equal(both.examples(learned).X[:N], alone.examples(np.ones(N, dtype=bool)).X)


def test_parts_that_teach_the_same_share_a_matrix() -> None:
    numbers = replace(TABLE, columns={"plan": PLAN})
    rows = EncodedRows([numbers])
    assert rows.examples(LEARNED).X is rows.examples(~LEARNED).X
    with_rates = EncodedRows([TABLE])
    assert with_rates.examples(LEARNED).X is not with_rates.examples(~LEARNED).X
