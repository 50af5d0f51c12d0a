"""Preprocessing: medians for unknown values, standardized features, training statistics."""

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
def test_training_rows_become_centered_with_unit_spread(
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


def test_preprocess_matches_manual_calculation() -> None:
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
    # Known are 1, 3, 8. With the median 3 for the unknown value, the mean is 15 / 4 and the
    # variance (2.75² + .75² + .75² + 4.25²) / 4.
    assert steps.fill.tolist() == [3.0, 0.0, 5.0]
    assert steps.mean.tolist() == [3.75, 0.0, 5.0]
    assert steps.scale.tolist() == pytest.approx(
        [np.sqrt((2.75**2 + 2 * 0.75**2 + 4.25**2) / 4), SILENT, SILENT]
    )


@pytest.mark.parametrize(
    ("value", "rows"),
    [(0.1, 1000), (-3.7, 1000), (29.99, 20_000), (9999.9, 1000), (UNKNOWN, 50), (0.0, 50)],
)
def test_constant_feature_becomes_zero(value: float, rows: int) -> None:
    steps = Preprocess.of(np.full((rows, 3), value))
    assert steps.apply(np.array([[value, 1e6, UNKNOWN]])).ravel() == pytest.approx(
        [0.0, 0.0, 0.0], abs=1e-9
    )


def test_small_variation_is_standardized() -> None:
    small = np.array([[1e-7], [2e-7], [3e-7]])
    assert Preprocess.of(small).apply(small).std() == pytest.approx(1.0)


def test_other_rows_use_training_statistics() -> None:
    steps = Preprocess.of(np.array([[0.0], [10.0], [20.0]]))
    scale = np.sqrt(200 / 3)
    assert steps.apply(np.array([[1000.0], [UNKNOWN]])).ravel() == pytest.approx([990 / scale, 0.0])


def test_preprocess_does_not_change_its_input() -> None:
    X = np.array([[1.0, UNKNOWN], [2.0, 4.0]])
    before = X.copy()
    Preprocess.of(X).apply(X)
    np.testing.assert_array_equal(X, before)
