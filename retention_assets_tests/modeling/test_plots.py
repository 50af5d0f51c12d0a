"""Curves go through the points that a count by hand gives, and show the same money as the leaderboard."""

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
Y, P = (
    np.array([0, 1, 0, 1], dtype=np.int8),
    np.array([0.8, 0.9, 0.1, 0.7]),
)  # ranked: leaves, stays, leaves, stays


def drawn(draw: Callable[[Axes], None]) -> Axes:
    axes = Figure().subplots()
    draw(axes)
    return axes


def points(axes: Axes, line: int = 0) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in np.asarray(axes.lines[line].get_xydata()).round(9)]


def test_the_roc_curve_steps_up_for_each_churner_and_right_for_each_stayer() -> None:
    assert points(drawn(lambda axes: roc(axes, {"model": (Y, P)}))) == [
        (0.0, 0.5),
        (0.5, 0.5),
        (0.5, 1.0),
        (1.0, 1.0),
    ]


def test_the_gain_curve_counts_churners_by_the_share_contacted_and_marks_capacity() -> None:
    axes = drawn(lambda axes: gain(axes, Y, {"model": P}, UTILITY))
    assert points(axes) == [(0.25, 0.5), (0.5, 0.5), (0.75, 1.0), (1.0, 1.0)]
    assert points(axes, -1) == [(0.2, 0.0), (0.2, 1.0)]


def test_the_profit_curve_adds_22_for_a_churner_and_takes_8_for_a_stayer() -> None:
    axes = drawn(lambda axes: profit(axes, Y, {"model": P}, UTILITY))
    assert points(axes) == [(0.25, 22e3 / 4), (0.5, 14e3 / 4), (0.75, 36e3 / 4), (1.0, 28e3 / 4)]


def test_the_profit_curve_at_capacity_is_the_leaderboards_profit() -> None:
    data = examples(customers=100, weeks=2)
    p = np.random.default_rng(0).permutation(
        np.linspace(0.5, 0.9, len(data))
    )  # nobody is held back, no two are alike
    curve = dict(points(drawn(lambda axes: profit(axes, data.y, {"model": p}, UTILITY))))
    assert curve[UTILITY.capacity_share] == pytest.approx(
        Evaluation(data.y, p, UTILITY).point()["profit"]
    )


def test_calibration_shows_ten_bins_of_equal_mass_with_what_was_said_and_what_was_seen() -> None:
    """Twenty rows in ten pairs; one of each of the last five pairs leaves, and normal bars reach 1.96 x sqrt(.25 / 2)."""
    p, y = np.repeat(np.arange(10) / 10, 2), np.zeros(20, dtype=np.int8)
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
def test_a_long_curve_is_thinned_and_still_ends_where_it_ends(rows: int) -> None:
    y = np.resize(np.array([1, 0], dtype=np.int8), rows)
    found = points(drawn(lambda axes: gain(axes, y, {"model": np.linspace(1, 0, rows)}, UTILITY)))
    assert len(found) == min(rows, POINTS) and found == sorted(set(found))
    assert found[0] == (round(1 / rows, 9), round(1 / y.sum(), 9)) and found[-1] == (1.0, 1.0)


def test_a_candidates_picture_says_on_how_many_rows_and_at_which_base_rate() -> None:
    figure = candidate_figure(np.resize(Y, 1200), np.resize(P, 1200), "xgboost")
    assert figure.get_suptitle() == "xgboost: 1,200 untouched rows, base rate 50.0%"
    assert [axes.get_title() for axes in figure.axes] == ["ROC", "Calibration"]


@pytest.mark.parametrize(
    ("champion", "recency"), [(True, True), (True, False), (False, True), (False, False)]
)
def test_the_leaderboards_picture_shows_every_candidate_and_of_the_rest_those_that_rank(
    champion: bool, recency: bool
) -> None:
    data = examples(customers=20, weeks=2)
    rng = np.random.default_rng(0)
    each = {
        name: Evaluation(data.y, rng.random(len(data)), UTILITY)
        for name in ("a", "b", "c", EVERYBODY, RECENCY_ONLY)
    }
    baselines = {name: each[name] for name in (EVERYBODY, *([RECENCY_ONLY] if recency else []))}
    contest = Comparison(
        task=churn(bootstrap_rounds=100),
        test=data,
        candidates={"a": each["a"], "b": each["b"]},
        baselines=baselines,
        champion=each["c"] if champion else None,
    )
    left, right = leaderboard_figure(contest).axes
    legend = left.get_legend()
    assert legend is not None
    shown = ["a", "b", *(["champion"] if champion else []), *([RECENCY_ONLY] if recency else [])]
    assert [text.get_text() for text in legend.get_texts()] == shown
    assert [line.get_label() for line in right.lines][: len(shown)] == shown
