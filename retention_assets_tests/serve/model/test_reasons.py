"""Reasons are the features that change the score most when they are set to typical."""

from pathlib import Path

import numpy as np
import pytest

from retention_assets_tests.serve.bundles import logistic
from serve.model.bundle import load_bundle
from serve.model.reasons import occluded


def test_each_copy_has_one_feature_set_to_typical() -> None:
    matrix = np.array([[1.0, 5.0], [3.0, np.nan]])
    typical = np.array([1.0, np.nan])
    copies, row, feature = occluded(matrix, typical)
    np.testing.assert_array_equal(copies, [[1.0, np.nan], [1.0, np.nan]])
    assert (row.tolist(), feature.tolist()) == ([0, 1], [1, 0])


def test_effects_are_the_change_in_log_odds(tmp_path: Path) -> None:
    scorer = load_bundle(tmp_path / "m", logistic(tmp_path / "m"))
    reasons = scorer.score(np.array([110.0, 0.25, 0.5])).reasons
    # coefficient * (value - typical) / scale, and the third feature is typical.
    assert [(reason.feature, pytest.approx(reason.effect)) for reason in reasons] == [
        ("recency_days", 6.0),
        ("engagement_score", 1.0),
    ]


def test_unknown_value_is_none(tmp_path: Path) -> None:
    scorer = load_bundle(tmp_path / "m", logistic(tmp_path / "m"))
    (reason, *_) = scorer.score(np.array([np.nan, 0.5, 0.5])).reasons
    assert (reason.feature, reason.value, reason.typical) == ("recency_days", None, 20.0)


def test_typical_customer_has_no_reasons(tmp_path: Path) -> None:
    scorer = load_bundle(tmp_path / "m", logistic(tmp_path / "m"))
    assert scorer.score(np.array([20.0, 0.5, 0.5])).reasons == []
