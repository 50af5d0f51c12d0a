"""Panels are purged by their label window; who stays is in training and in the test."""

import numpy as np
import pytest

from retention_assets.errors import NotTrainableError
from retention_assets.modeling.examples import Examples
from retention_assets.modeling.splits import OTHER_ENTITIES
from retention_assets.tabular.split import parts_of, split_of

MONTHS = np.arange("2023-01", "2025-01", dtype="datetime64[M]").astype("datetime64[D]")
DAY = np.timedelta64(1, "D")


def examples(who: np.ndarray, when: np.ndarray, y: np.ndarray) -> Examples:
    return Examples((), who, when, np.empty((len(y), 0)), y.astype(np.int8))


def panel(customers: int = 700, rate: float = 0.05, seed: int = 1) -> Examples:
    """A row per customer and month, until the month in which she leaves: the label is 1 there.
    New customers arrive in every month.
    """
    rng = np.random.default_rng(seed)
    first = np.where(rng.random(customers) < 0.5, 0, rng.integers(0, len(MONTHS), customers))
    months = np.minimum(rng.geometric(rate, customers), len(MONTHS) - first)
    who = np.repeat(np.arange(customers), months)
    at = np.concatenate(
        [np.arange(start, start + n) for start, n in zip(first, months, strict=True)]
    )
    last = np.r_[who[1:] != who[:-1], True]
    return examples(who.astype(str), MONTHS[at], last & (at < len(MONTHS) - 1))


@pytest.mark.parametrize(("gap", "horizon"), [(0, 30), (14, 30), (30, 60)])
def test_panel_is_purged_by_its_window(gap: int, horizon: int) -> None:
    """The rows that are left out are those of the window, whoever they are of."""
    rows = panel()
    purge = gap + horizon
    parts = parts_of(rows, None, purge_days=purge, dated=True)
    first = rows.as_of[parts.test].min()
    assert (parts.train == (rows.as_of + purge * DAY <= first)).all()
    assert parts.purged == ((rows.as_of + purge * DAY > first) & ~parts.test).sum()
    assert parts.same_identifier == 0
    split = split_of(rows, parts, purge_days=purge, folds=3)
    for fold in split.folds:
        assert rows.as_of[fold.train].max() + purge * DAY <= rows.as_of[fold.valid].min()


def test_customers_who_stay_are_trained_on() -> None:
    """Without them, only the rows of those who left were: nearly all were positive."""
    rows = panel()
    parts = parts_of(rows, None, purge_days=30, dated=True)
    stays = np.intersect1d(rows.entities[parts.train], rows.entities[parts.test])
    assert len(stays) > 100
    assert rows.y[parts.train].mean() == pytest.approx(rows.y[parts.test].mean(), abs=0.012)
    without = parts.train & ~np.isin(rows.entities, stays)
    assert rows.y[without].mean() > 1.5 * rows.y[parts.test].mean()
    split = split_of(rows, parts, purge_days=30, folds=3)
    for fold in split.folds:
        rates = [rows.y[mask].mean() for mask in (fold.train, fold.valid)]
        assert rates[0] == pytest.approx(rates[1], abs=0.02)


def test_later_second_file_purges_the_first() -> None:
    rows = panel()
    second = rows.as_of >= MONTHS[20]
    parts = parts_of(rows, second, purge_days=60, dated=True, second_name="s.csv")
    assert (parts.train == (rows.as_of + 60 * DAY <= MONTHS[20])).all()
    assert (parts.test == second).all()
    assert parts.sentence == "They are those of s.csv, later than the rows trained on."


def test_random_second_file_has_other_identifiers() -> None:
    rows = panel()
    second = np.isin(rows.entities, [str(at) for at in range(0, 700, 5)])
    parts = parts_of(rows, second, purge_days=30, dated=True)
    assert (parts.train == ~second).all() and parts.same_identifier == parts.purged == 0
    assert parts.sentence.endswith("of other identifiers.")


def test_short_panel_is_folded_by_identifier() -> None:
    """One month to train on leaves nothing to go forward in."""
    rng = np.random.default_rng(2)
    who = np.tile(np.arange(300).astype(str), 4)
    rows = examples(who, np.repeat(MONTHS[:4], 300), rng.random(1200) < 0.3)
    parts = parts_of(rows, None, purge_days=60, dated=True)
    split = split_of(rows, parts, purge_days=60, folds=3)
    assert split.chosen_on == OTHER_ENTITIES and len(split.folds) == 3
    assert np.unique(rows.as_of[split.train]).tolist() == [MONTHS[0]]


def test_window_longer_than_the_panel_is_an_error() -> None:
    with pytest.raises(NotTrainableError, match="training has 0 positives in 0 rows"):
        rows = panel()
        parts = parts_of(rows, None, purge_days=800, dated=True)
        split_of(rows, parts, purge_days=800, folds=3)
