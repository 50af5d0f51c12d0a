"""Unknown values become the training median, features get one scale, and other rows are measured by the same numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention_assets.modeling.candidates.rows import SILENT, Preprocess

COLUMN = st.lists(
    st.none() | st.integers(-10_000, 10_000).map(lambda cents: cents / 100), min_size=3, max_size=3
)
UNKNOWN = np.nan


@settings(max_examples=100, deadline=None)
@given(st.lists(COLUMN, min_size=1, max_size=30))
def test_what_it_was_made_of_comes_out_known_centred_and_of_unit_spread_or_none(
    rows: list[list[float | None]],
) -> None:
    X = np.array([[UNKNOWN if value is None else value for value in row] for row in rows])
    steps = Preprocess.of(X)
    out = steps.apply(X)
    assert np.isfinite(out).all() and (steps.scale > 0).all()
    for column, standard in zip(np.where(np.isnan(X), steps.fill, X).T, out.T, strict=True):
        varies = np.ptp(column) > 0
        assert standard.mean() == pytest.approx(0.0, abs=1e-3)
        assert standard.std() == pytest.approx(1.0, abs=1e-3) if varies else np.ptp(standard) == 0


def test_the_numbers_are_those_of_a_count_hand_made() -> None:
    steps = Preprocess.of(
        np.array(
            [
                [1.0, UNKNOWN, 5.0],
                [UNKNOWN, UNKNOWN, 5.0],
                [3.0, UNKNOWN, UNKNOWN],
                [8.0, UNKNOWN, 5.0],
            ]
        )
    )
    # Known 1, 3, 8: the median 3 stands for the unknown, then mean 15 / 4 and variance (2.75² + .75² + .75² + 4.25²) / 4.
    assert steps.fill.tolist() == [3.0, 0.0, 5.0]
    assert steps.mean.tolist() == [3.75, 0.0, 5.0]
    assert steps.scale.tolist() == pytest.approx(
        [np.sqrt((2.75**2 + 2 * 0.75**2 + 4.25**2) / 4), SILENT, SILENT]
    )


@pytest.mark.parametrize(
    ("value", "rows"),
    [(0.1, 1000), (-3.7, 1000), (29.99, 20_000), (9999.9, 1000), (UNKNOWN, 50), (0.0, 50)],
)
def test_a_feature_that_never_varies_says_nothing_whatever_comes(value: float, rows: int) -> None:
    steps = Preprocess.of(np.full((rows, 3), value))
    assert steps.apply(np.array([[value, 1e6, UNKNOWN]])).ravel() == pytest.approx(
        [0.0, 0.0, 0.0], abs=1e-9
    )


def test_a_feature_that_varies_by_little_still_varies() -> None:
    small = np.array([[1e-7], [2e-7], [3e-7]])
    assert Preprocess.of(small).apply(small).std() == pytest.approx(1.0)


def test_other_rows_are_filled_and_scaled_by_the_training_rows_numbers() -> None:
    steps = Preprocess.of(np.array([[0.0], [10.0], [20.0]]))
    scale = np.sqrt(200 / 3)
    assert steps.apply(np.array([[1000.0], [UNKNOWN]])).ravel() == pytest.approx([990 / scale, 0.0])


def test_the_rows_that_it_is_given_stay_as_they_are() -> None:
    X = np.array([[1.0, UNKNOWN], [2.0, 4.0]])
    before = X.copy()
    Preprocess.of(X).apply(X)
    np.testing.assert_array_equal(X, before)
