"""Rates of many-valued categories: no row knows its own label, and what is rare says little."""

import numpy as np

from retention_assets.modeling.calibration import logit
from retention_assets.tabular.encoding.encoding import Encoding
from retention_assets.tabular.encoding.kinds import Cells
from retention_assets.tabular.encoding.learning import learn
from retention_assets.tabular.encoding.rates import PRIOR_ROWS, learn_rates

N = 3000
RNG = np.random.default_rng(11)
WHO = np.array([f"r{at}" for at in range(N)])
CITY = np.array([f"c{at}" for at in RNG.integers(0, 300, N)], dtype=object)


def cells(column: np.ndarray, *, learned_from: np.ndarray | None = None) -> Cells:
    return Cells(column, WHO[: len(column)], learned_from=learned_from)


def test_rate_of_a_row_leaves_out_its_own_label() -> None:
    """Turning one label changes the rates of others, but not that row's."""
    y = (RNG.random(N) < 0.3).astype(np.int8)
    turned = y.copy()
    turned[0] = 1 - y[0]
    everything = cells(CITY, learned_from=np.ones(N, dtype=bool))
    before = learn_rates(cells(CITY), y).matrix(everything)[:, 0]
    after = learn_rates(cells(CITY), turned).matrix(everything)[:, 0]
    assert before[0] == after[0]
    assert (before != after).sum() > 1


def test_noise_in_many_values_ranks_nothing() -> None:
    y = (RNG.random(N) < 0.3).astype(np.int8)
    rates = learn_rates(cells(CITY), y)
    of_others = rates.matrix(cells(CITY, learned_from=np.ones(N, dtype=bool)))[:, 0]
    in_sample = rates.matrix(cells(CITY))[:, 0]
    assert abs(np.corrcoef(of_others, y)[0, 1]) < 0.05
    assert np.corrcoef(in_sample, y)[0, 1] > 0.2  # what a leak would look like


def test_new_value_has_the_base_rate_and_blank_is_unknown() -> None:
    y = np.r_[np.ones(60), np.zeros(140)].astype(np.int8)
    column = np.array([f"v{at % 40}" for at in range(200)], dtype=object)
    rates = learn_rates(cells(column), y)
    new, blank, first = rates.matrix(cells(np.array(["new", None, "v0"], dtype=object)))[:, 0]
    base_rate = 60.5 / 201
    assert new == logit(np.array([base_rate]))[0] and np.isnan(blank)
    expected = (2 + PRIOR_ROWS * base_rate) / (5 + PRIOR_ROWS)
    assert first == logit(np.array([expected]))[0]


def test_category_of_many_values_becomes_a_rate() -> None:
    y = (RNG.random(N) < 0.3).astype(np.int8)
    encoding = learn({"city": CITY}, y)
    assert isinstance(encoding, Encoding) and encoding.features == ("city (rate)",)


def test_value_of_a_single_identifier_identifies_it() -> None:
    """A device that belongs to one customer has as many rows as the customer."""
    y = (RNG.random(N) < 0.3).astype(np.int8)
    who = np.array([f"r{at % 500}" for at in range(N)])
    device = np.array([f"d{at % 500}x" for at in range(N)], dtype=object)
    columns = {"device": device, "city": CITY}
    assert "identifies a row" in learn(columns, y, identifiers=who).refused["device"]
