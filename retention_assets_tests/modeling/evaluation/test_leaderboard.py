"""The leaderboard ranks by profit, then Brier score, with intervals and paired differences."""

from collections.abc import Mapping

import numpy as np
import pytest

from retention_assets.modeling.evaluation.leaderboard import (
    ALONE,
    WITH_INTERVAL,
    BootstrapScores,
    best_candidate,
)
from retention_assets.modeling.evaluation.metrics import Evaluation
from retention_assets_tests.modeling.factories import UTILITY, examples

FIGURES = ("base_rate", *WITH_INTERVAL, *ALONE)
Money = Mapping[str, tuple[float, float]]


def bootstrap_scores(money: Money) -> BootstrapScores:
    """Scorers with this profit and Brier score. Metric number k is k; its rounds k to k + 100."""
    points = {
        name: {figure: float(at) for at, figure in enumerate(FIGURES)}
        | {"profit": profit, "brier": brier}
        for name, (profit, brier) in money.items()
    }
    samples = {
        name: {figure: at + np.arange(101.0) for at, figure in enumerate(FIGURES)} for name in money
    }
    return BootstrapScores(points, samples)


@pytest.mark.parametrize(
    ("money", "order"),
    [
        ({"a": (100.0, 0.10), "b": (200.0, 0.20)}, ["b", "a"]),
        ({"a": (0.0, 0.20), "b": (0.0, 0.10)}, ["b", "a"]),
        ({"a": (-5.0, 0.10), "b": (0.0, 0.20), "c": (0.0, 0.15)}, ["c", "b", "a"]),
        # A tie in both keeps the order of declaration.
        ({"a": (1.0, 0.10), "b": (1.0, 0.10)}, ["a", "b"]),
    ],
)
def test_rows_are_ordered_by_profit_then_brier(money: Money, order: list[str]) -> None:
    scores = bootstrap_scores(money)
    assert [row["candidate"] for row in scores.rows(set())] == order


@pytest.mark.parametrize(
    ("profits", "errors", "chosen"),
    [
        ((100.0, 98.0, 97.0), (2.0, 0.0, 0.0), "close"),
        ((100.0, 98.0, 97.0), (1.0, 9.0, 9.0), "best"),
        ((100.0, 98.0, 97.0), (3.0, 0.0, 0.0), "far"),
        ((5.0, 5.0, 4.0), (0.0, 0.0, 9.0), "close"),
        ((-97.0, -98.0, -100.0), (2.0, 0.0, 0.0), "close"),
    ],
)
def test_error_of_the_highest_profit_decides_what_is_a_tie(
    profits: tuple[float, ...], errors: tuple[float, ...], chosen: str
) -> None:
    """Of candidates that are tied, the one of the best Brier score is chosen."""
    points = {
        name: {"profit": profit, "profit_error": error, "brier": brier}
        for name, profit, error, brier in zip(
            ("best", "close", "far"), profits, errors, (0.15, 0.12, 0.10), strict=True
        )
    }
    assert best_candidate(points) == chosen


def test_row_shows_figures_with_percentile_intervals() -> None:
    (row,) = bootstrap_scores({"a": (50.0, 30.0)}).rows({"a"})
    for at, figure in enumerate(FIGURES):
        expected = {"profit": 50.0, "brier": 30.0}.get(figure, float(at))
        assert row[figure] == expected
        if figure in WITH_INTERVAL:
            assert (row[f"{figure}_low"], row[f"{figure}_high"]) == pytest.approx(
                (at + 2.5, at + 97.5)
            )
    assert set(row) == {
        "candidate",
        "kind",
        *FIGURES,
        *(f"{name}_{end}" for name in WITH_INTERVAL for end in ("low", "high")),
    }


def test_rows_mark_candidates_and_baselines() -> None:
    rows = bootstrap_scores({"model": (2.0, 0.1), "nobody": (1.0, 0.1)}).rows({"model"})
    assert [(row["candidate"], row["kind"]) for row in rows] == [
        ("model", "candidate"),
        ("nobody", "baseline"),
    ]


def test_difference_is_paired_by_round() -> None:
    samples = {
        "a": {"profit": np.array([5.0, 1.0, 9.0])},
        "b": {"profit": np.array([4.0, 3.0, 2.0])},
    }
    scores = BootstrapScores({"a": {"profit": 5.0}, "b": {"profit": 3.0}}, samples)
    for name, other, sign in (("a", "b", 1.0), ("b", "a", -1.0)):
        point, paired = scores.difference("profit", name, other)
        assert point == sign * 2.0 and paired.tolist() == [sign * 1.0, sign * -2.0, sign * 7.0]


def test_leaderboard_does_not_depend_on_scorer_order() -> None:
    data = examples(customers=40, weeks=3)
    rng = np.random.default_rng(0)
    scorers = {
        name: Evaluation(data.y, rng.random(len(data)), UTILITY) for name in ("one", "two", "three")
    }
    reordered = dict(reversed(scorers.items()))
    first, again, other = (
        BootstrapScores.of(named, data.entities, 50, seed)
        for named, seed in ((scorers, 7), (reordered, 7), (scorers, 8))
    )
    assert first.rows({"one"}) == again.rows({"one"}) != other.rows({"one"})
    assert (
        first.points == {name: scorer.point() for name, scorer in scorers.items()} == other.points
    )
