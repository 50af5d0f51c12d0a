"""Gates on probabilities: by the whole interval, for all rows and for large groups."""

import re
from dataclasses import replace

import numpy as np
import pytest

from retention_assets.modeling.evaluation.leaderboard import BootstrapScores
from retention_assets.modeling.evaluation.metrics import Evaluation
from retention_assets.modeling.examples import Examples
from retention_assets.modeling.promotion.probability_gates import (
    MIN_SLICE_POSITIVES,
    calibrated,
    calibrated_on_large_slices,
    large_slices,
    no_worse_on_large_slices,
)
from retention_assets.training.task import MEDIAN_SLICES
from retention_assets_tests.modeling.factories import UTILITY
from retention_assets_tests.modeling.promotion.factories import (
    EVERYBODY_NAME,
    differing,
    evidence,
)


def rows_of(names: tuple[str, ...], X: np.ndarray, y: np.ndarray) -> Examples:
    """Rows with these features and labels."""
    entities = np.array([f"C{number}" for number in range(len(y))])
    return Examples(names, entities, np.full(len(y), np.datetime64("2024-01-01")), X, y)


@pytest.mark.parametrize(
    ("challenger", "champion", "passed"),
    [
        ({"mean_error": (-0.02, 0.003)}, None, True),
        ({"mean_error": (-0.02, 0.01)}, None, False),  # it may be beyond .03: that is not shown
        ({"mean_error": (0.05, 0.003)}, None, False),
        ({"squared_calibration_error": (0.02**2, 5e-5)}, None, True),
        ({"squared_calibration_error": (0.04**2, 5e-5)}, None, False),
        ({"brier": (0.16, 0.001)}, None, False),  # a constant would do better
        ({"brier": (0.14, 0.001)}, {"brier": (0.13, 0.001)}, False),  # the champion does
        ({"brier": (0.13, 0.001)}, {"brier": (0.1295, 0.001)}, True),  # the interval includes zero
    ],
)
def test_calibration_gate_stops_wrong_probabilities(
    challenger: dict, champion: dict | None, passed: bool
) -> None:
    rival = differing(champion) if champion else None
    assert calibrated(evidence(differing(challenger), champion=rival)).passed is passed


@pytest.mark.parametrize(("bias", "least", "most"), [(0.02, 17, 20), (0.05, 0, 1), (0.09, 0, 0)])
def test_calibration_gate_decides_on_draws(bias: float, least: int, most: int) -> None:
    """Labels of 3,500 customers in four weeks, of whom 18 % leave; probabilities that are too high
    by `bias`. benchmarks/calibration_gate.py has more draws and other numbers of customers.
    """
    rng = np.random.default_rng(5)
    entities = np.repeat(np.arange(3500), 4).astype(str)
    passed = 0
    for _ in range(20):
        truth = rng.beta(0.36, 1.64, len(entities))
        y = (rng.random(len(entities)) < truth).astype(np.int8)
        model = Evaluation(y, np.clip(truth + bias, 0.001, 0.999), UTILITY)
        rates = Evaluation(y, np.full(len(y), 0.18), UTILITY, "random")
        scorers = {"challenger": model, EVERYBODY_NAME: rates}
        scores = BootstrapScores.of(scorers, entities, rounds=64, seed=1)
        passed += calibrated(replace(evidence(), scores=scores)).passed
    assert least <= passed <= most


def test_calibration_gate_says_where_rows_are_too_few() -> None:
    answers = [
        calibrated(evidence(differing({"mean_error": (mean_error, spread)})))
        for mean_error, spread in ((0.01, 0.002), (0.01, 0.02), (0.05, 0.02))
    ]
    says_so = ["times as much data to show" in answer.reason for answer in answers]
    assert says_so == [False, True, False]


def test_calibration_gate_says_how_much_data_it_takes() -> None:
    """An interval of 1.645 standard errors has to fit in between the error .01 and the tolerance
    .03: with .02 each, in (1.645 * .02 / .02) ** 2 = 2.7 times as much data.
    """
    answer = calibrated(evidence(differing({"mean_error": (0.01, 0.02)})))
    factor = re.search(r"about (\S+) times as much data", answer.reason)
    assert factor and float(factor[1]) == pytest.approx(2.7, abs=0.4)


@pytest.mark.parametrize(
    ("error", "spread", "passed", "reason"),
    [
        (0.01, 0.003, True, "on no slice; 2 of 2 slices have enough rows to decide."),
        (0.029, 0.003, False, "beyond 0.03 on new (+0.029"),  # it decides, and may be beyond
        (0.029, 0.02, True, "on no slice; 1 of 2 slices have enough rows"),
        (0.10, 0.02, False, "beyond 0.03 on new (+0.100"),  # few rows, but clearly too high
        (-0.10, 0.02, False, "beyond 0.03 on new (-0.100"),  # or too low
    ],
)
def test_slice_with_enough_data_must_show_tolerance(
    error: float, spread: float, passed: bool, reason: str
) -> None:
    rng = np.random.default_rng(5)
    errors = {
        "old": (0.0, 0.003 * rng.normal(size=4000)),
        "new": (error, error + spread * rng.normal(size=4000)),
    }
    answer = calibrated_on_large_slices(replace(evidence(), slice_mean_errors=errors))
    assert answer.passed is passed and reason in answer.reason
    assert answer.details["new decides"] == float(spread < 0.005)


def test_right_probabilities_pass_on_all_deciding_slices() -> None:
    """Twenty slices whose standard error is the largest that decides: 19 of 20 draws pass."""
    rng = np.random.default_rng(5)
    draws = 200
    passed = 0
    for _ in range(draws):
        errors = {}
        for at in range(20):
            error = 0.0062 * rng.normal()
            errors[f"slice {at}"] = (error, error + 0.0062 * rng.normal(size=800))
        answer = calibrated_on_large_slices(replace(evidence(), slice_mean_errors=errors))
        passed += answer.passed
    assert passed >= 0.9 * draws


def test_no_slice_is_no_obstacle() -> None:
    assert calibrated_on_large_slices(replace(evidence(), slice_mean_errors={})).passed


def test_slice_gate_allows_noise_and_corrects_for_slice_count() -> None:
    rng = np.random.default_rng(5)
    worse = (0.0024, 0.0024 + 0.001 * rng.normal(size=4000))
    alone = no_worse_on_large_slices(replace(evidence(), slice_differences={"new": worse}))
    among_many = {f"slice {at}": (0.0, 0.001 * rng.normal(size=4000)) for at in range(30)} | {
        "new": worse
    }
    many = no_worse_on_large_slices(replace(evidence(), slice_differences=among_many))
    assert (alone.passed, many.passed) == (False, True)
    assert no_worse_on_large_slices(replace(evidence(), slice_differences={})).passed


def test_slices_are_large_groups_with_enough_churners() -> None:
    rng = np.random.default_rng(7)
    n = 1000
    flag = (rng.random(n) < 0.4).astype(float)
    rare = (rng.random(n) < 0.05).astype(float)
    X = np.column_stack([rng.gamma(2.0, 50.0, n), flag, rare, rng.random(n), np.full(n, np.nan)])
    y = (rng.random(n) < 0.4).astype(np.int8)
    names = ("tenure_days", "plan_basic", "plan_rare", "engagement_score", "revenue_rate_180d")
    groups = large_slices(rows_of(names, X, y), MEDIAN_SLICES)
    assert set(groups) == {"tenure_days low", "tenure_days high", "plan_basic"}
    assert (groups["tenure_days low"] ^ groups["tenure_days high"]).all()
    few = y.copy()
    few[np.flatnonzero((flag == 1) & (y == 1))[MIN_SLICE_POSITIVES - 1 :]] = 0
    assert "plan_basic" not in large_slices(rows_of(names, X, few), MEDIAN_SLICES)
