"""Splits: no fit uses later rows, and the last rows calibrate."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention_assets.errors import NotTrainableError
from retention_assets.modeling.splits import (
    CALIBRATION_PERIODS,
    MIN_FOLD_PERIODS,
    OTHER_ENTITIES,
    calibration_parts,
    forward_split,
    hash_share,
    later_cohort,
    require_folds,
)
from retention_assets_tests.modeling.factories import examples


@settings(max_examples=40, deadline=None)
@given(
    weeks=st.integers(14, 40),
    test_weeks=st.integers(1, 6),
    folds=st.integers(1, 5),
    purge=st.integers(7, 63),
)
def test_split_purges_label_windows_that_reach_into_test(
    weeks: int, test_weeks: int, folds: int, purge: int
) -> None:
    data = examples(customers=150, weeks=weeks, signal=0.5)
    last_trained = data.as_of.max() - np.timedelta64(7 * (test_weeks - 1) + purge, "D")
    if last_trained < data.as_of.min():
        with pytest.raises(NotTrainableError):
            forward_split(data, test_periods=test_weeks, folds=folds, purge_days=purge)
        return
    split = forward_split(data, test_periods=test_weeks, folds=folds, purge_days=purge)
    assert len(np.unique(data.as_of[split.test])) == test_weeks
    assert data.as_of[split.test].max() == data.as_of.max()
    forward = split.folds if split.chosen_on != OTHER_ENTITIES else ()
    for before, after in [
        (split.train, split.test),
        *((fold.train, fold.valid) for fold in forward),
    ]:
        gap = data.as_of[after].min() - data.as_of[before].max()
        assert gap >= np.timedelta64(purge, "D")
    assert all(not (fold.valid & split.test).any() for fold in split.folds)


def test_folds_validate_on_different_weeks() -> None:
    data = examples(weeks=40)
    split = forward_split(data, test_periods=4, folds=3, purge_days=35)
    validated = [set(data.as_of[fold.valid].tolist()) for fold in split.folds]
    assert len(validated) == 3 and sum(map(len, validated)) == len(set().union(*validated))


def test_each_rolling_origin_learns_from_enough_weeks() -> None:
    """Of 14 training weeks, purged by 5, the 9th is the first that has 4 weeks before it."""
    data = examples(weeks=22)
    split = forward_split(data, test_periods=4, folds=3, purge_days=35)
    assert split.chosen_on == "3 rolling origins before the untouched rows"
    trained = [len(np.unique(data.as_of[fold.train])) for fold in split.folds]
    assert trained == [MIN_FOLD_PERIODS, 6, 8]


def test_short_history_is_folded_by_customer() -> None:
    data = examples(weeks=16)
    split = require_folds(forward_split(data, test_periods=4, folds=3, purge_days=35))
    assert split.chosen_on == OTHER_ENTITIES and len(split.folds) == 3
    for fold in split.folds:
        assert not set(data.entities[fold.train]) & set(data.entities[fold.valid])
        assert not (fold.valid & ~split.train).any()


def test_too_few_rows_for_folds_raise_error() -> None:
    split = forward_split(examples(customers=60, weeks=16), test_periods=4, folds=3, purge_days=35)
    with pytest.raises(NotTrainableError, match="too few to compare candidates on folds"):
        require_folds(split)


def test_calibration_parts_are_stable_halves_of_customers() -> None:
    data = examples(customers=2000, weeks=3)
    parts = calibration_parts(data.entities)
    names = [set(data.entities[parts == part].tolist()) for part in (0, 1)]
    assert not names[0] & names[1] and len(names[0] | names[1]) == 2000
    assert parts.mean() == pytest.approx(0.5, abs=0.03)
    known = hash_share(np.array(["C00001", "C00002"]), "calibration")
    assert known == pytest.approx([0.03239602776309436, 0.8456121], abs=1e-7)


@pytest.mark.parametrize(
    ("customers", "weeks", "cohort"),
    [
        (400, 20, CALIBRATION_PERIODS),
        (60, 20, 17),  # of 60 rows a week, 17 weeks have a thousand
        (60, 10, 10),
        (400, 3, 3),
    ],
)
def test_later_cohort_has_enough_dates_and_rows(customers: int, weeks: int, cohort: int) -> None:
    data = examples(customers=customers, weeks=weeks)
    rows = np.ones(len(data), dtype=bool)
    dates = np.unique(data.as_of[later_cohort(data, rows)])
    assert dates.tolist() == np.unique(data.as_of)[-cohort:].tolist()


def test_later_cohort_reaches_back_for_both_labels() -> None:
    data = examples(customers=400, weeks=20)
    data.y[data.as_of >= np.unique(data.as_of)[-6]] = 0
    rows = np.ones(len(data), dtype=bool)
    dates = np.unique(data.as_of[later_cohort(data, rows)])
    assert dates.tolist() == np.unique(data.as_of)[-7:].tolist()


def test_short_history_raises_error_with_reason() -> None:
    with pytest.raises(NotTrainableError, match=r"4 as-of dates.*the test alone takes 4"):
        forward_split(examples(weeks=4), test_periods=4, folds=3, purge_days=30)
    with pytest.raises(NotTrainableError, match=r"training \(0 rows.*has 0 positives in 0 rows"):
        forward_split(examples(weeks=8), test_periods=4, folds=3, purge_days=200)


def test_weeks_in_which_all_were_contacted_cannot_test() -> None:
    """Nobody who was left out can stand in for them."""
    data = examples(customers=300, weeks=20)
    counts = data.as_of < np.unique(data.as_of)[-3]
    weighted = replace(data, weights=counts.astype(np.float64))
    with pytest.raises(NotTrainableError, match="test period has 0 positives in 0 rows"):
        forward_split(weighted, test_periods=3, folds=2, purge_days=35)
    assert forward_split(data, test_periods=3, folds=2, purge_days=35).test.any()
