"""Curves match values counted by hand, and the leaderboard's profit."""

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from retention_assets.modeling.evaluation.baselines import EVERYBODY as EVERYBODY_BASELINE
from retention_assets.modeling.evaluation.metrics import Evaluation
from retention_assets.modeling.plots import (
    POINTS,
    calibration,
    candidate_figure,
    gain,
    leaderboard_figure,
    profit,
    roc,
)
from retention_assets.modeling.promotion.comparison import Comparison
from retention_assets_tests.modeling.factories import UTILITY, churn, examples

EVERYBODY = EVERYBODY_BASELINE.name
RECENCY_ONLY = "recency_only"
# Ranked by P: leaves, stays, leaves, stays.
Y = np.array([0, 1, 0, 1], dtype=np.int8)
P = np.array([0.8, 0.9, 0.1, 0.7])


def drawn(draw: Callable[[Axes], None]) -> Axes:
    axes = Figure().subplots()
    draw(axes)
    return axes


def points(axes: Axes, line: int = 0) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in np.asarray(axes.lines[line].get_xydata()).round(9)]


def test_roc_curve_has_one_step_per_customer() -> None:
    assert points(drawn(lambda axes: roc(axes, {"model": (Y, P)}))) == [
        (0.0, 0.5),
        (0.5, 0.5),
        (0.5, 1.0),
        (1.0, 1.0),
    ]


def test_gain_curve_counts_churners_and_marks_capacity() -> None:
    axes = drawn(lambda axes: gain(axes, Y, {"model": P}, UTILITY))
    assert points(axes) == [(0.25, 0.5), (0.5, 0.5), (0.75, 1.0), (1.0, 1.0)]
    assert points(axes, -1) == [(0.2, 0.0), (0.2, 1.0)]


def test_profit_curve_adds_22_per_churner_and_loses_8_per_stayer() -> None:
    axes = drawn(lambda axes: profit(axes, Y, {"model": P}, UTILITY))
    assert points(axes) == [(0.25, 22e3 / 4), (0.5, 14e3 / 4), (0.75, 36e3 / 4), (1.0, 28e3 / 4)]


def test_profit_curve_at_capacity_equals_leaderboard_profit() -> None:
    data = examples(customers=100, weeks=2)
    # All above break-even, without ties.
    p = np.random.default_rng(0).permutation(np.linspace(0.5, 0.9, len(data)))
    curve = dict(points(drawn(lambda axes: profit(axes, data.y, {"model": p}, UTILITY))))
    assert curve[UTILITY.capacity_share] == pytest.approx(
        Evaluation(data.y, p, UTILITY).point()["profit"]
    )


def test_calibration_plot_shows_ten_equal_mass_bins() -> None:
    """Ten pairs of rows; one row in each of the last five leaves: bars of 1.96 x sqrt(.25 / 2)."""
    p = np.repeat(np.arange(10) / 10, 2)
    y = np.zeros(20, dtype=np.int8)
    y[11::2] = 1
    order = np.random.default_rng(0).permutation(20)
    axes = drawn(lambda axes: calibration(axes, y[order], p[order]))
    assert points(axes) == [(at / 10, 0.5 if at >= 5 else 0.0) for at in range(10)]
    tops = np.asarray(axes.lines[2].get_ydata())
    assert tops[-1] == pytest.approx(0.5 + 1.96 * np.sqrt(0.25 / 2)) and tops[0] == 0.0


def test_fewer_rows_than_bins_leave_no_empty_bin() -> None:
    assert points(drawn(lambda axes: calibration(axes, Y[:3], P[:3]))) == [
        (0.1, 0.0),
        (0.8, 0.0),
        (0.9, 1.0),
    ]


@pytest.mark.parametrize("rows", [2, POINTS, POINTS + 1, 20 * POINTS + 7])
def test_long_curve_is_thinned_and_keeps_its_ends(rows: int) -> None:
    y = np.resize(np.array([1, 0], dtype=np.int8), rows)
    curve = points(drawn(lambda axes: gain(axes, y, {"model": np.linspace(1, 0, rows)}, UTILITY)))
    assert len(curve) == min(rows, POINTS) and curve == sorted(set(curve))
    assert curve[0] == (round(1 / rows, 9), round(1 / y.sum(), 9)) and curve[-1] == (1.0, 1.0)


def test_candidate_figure_title_shows_rows_and_base_rate() -> None:
    figure = candidate_figure(np.resize(Y, 1200), np.resize(P, 1200), "xgboost")
    assert figure.get_suptitle() == "xgboost: 1,200 untouched rows, base rate 50.0%"
    assert [axes.get_title() for axes in figure.axes] == ["ROC", "Calibration"]


@pytest.mark.parametrize(
    ("champion", "recency"), [(True, True), (True, False), (False, True), (False, False)]
)
def test_leaderboard_figure_shows_candidates_and_rankings(champion: bool, recency: bool) -> None:
    data = examples(customers=20, weeks=2)
    rng = np.random.default_rng(0)
    evaluations = {
        name: Evaluation(data.y, rng.random(len(data)), UTILITY)
        for name in ("a", "b", "c", EVERYBODY, RECENCY_ONLY)
    }
    baselines = {
        name: evaluations[name] for name in (EVERYBODY, *([RECENCY_ONLY] if recency else []))
    }
    comparison = Comparison(
        task=churn(bootstrap_rounds=100),
        test=data,
        candidates={"a": evaluations["a"], "b": evaluations["b"]},
        baselines=baselines,
        fold_scores={
            "a": {"profit": 2.0, "profit_error": 0.0, "brier": 0.1},
            "b": {"profit": 1.0, "profit_error": 0.0, "brier": 0.1},
        },
        chosen_on="folds",
        champion=evaluations["c"] if champion else None,
    )
    left, right = leaderboard_figure(comparison).axes
    legend = left.get_legend()
    assert legend is not None
    shown = ["a", "b", *(["champion"] if champion else []), *([RECENCY_ONLY] if recency else [])]
    assert [text.get_text() for text in legend.get_texts()] == shown
    assert [line.get_label() for line in right.lines][: len(shown)] == shown
