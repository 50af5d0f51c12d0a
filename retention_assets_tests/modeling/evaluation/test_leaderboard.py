"""The leaderboard ranks by money, then by Brier score; every figure stands beside its own interval; differences are paired."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def standing(money: Money) -> BootstrapScores:
    """Scorers of this profit and Brier score. Metric k has the value k, and over the rounds runs from k to k + 100."""
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
        (
            {"a": (1.0, 0.10), "b": (1.0, 0.10)},
            ["a", "b"],
        ),  # nothing tells them apart: the order of declaration
    ],
)
def test_the_most_profitable_comes_first_and_equal_money_goes_by_brier(
    money: Money, order: list[str]
) -> None:
    seen = standing(money)
    assert [row["candidate"] for row in seen.rows(set())] == order
    assert best_candidate(seen.points) == order[0]


@given(
    st.dictionaries(
        st.text("abcdef", min_size=1, max_size=3),
        st.tuples(st.sampled_from([-1.0, 0.0, 2.0]), st.floats(0, 1)),
        min_size=1,
    )
)
def test_the_best_candidate_is_the_first_row_whatever_the_figures(money: Money) -> None:
    seen = standing(money)
    assert best_candidate(seen.points) == seen.rows(set(money))[0]["candidate"]


def test_a_row_shows_each_figure_with_the_percentiles_of_its_own_rounds() -> None:
    (row,) = standing({"a": (50.0, 30.0)}).rows({"a"})
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


def test_baselines_are_told_from_candidates() -> None:
    rows = standing({"model": (2.0, 0.1), "nobody": (1.0, 0.1)}).rows({"model"})
    assert [(row["candidate"], row["kind"]) for row in rows] == [
        ("model", "candidate"),
        ("nobody", "baseline"),
    ]


def test_a_difference_is_point_by_point_and_round_by_round() -> None:
    samples = {
        "a": {"profit": np.array([5.0, 1.0, 9.0])},
        "b": {"profit": np.array([4.0, 3.0, 2.0])},
    }
    seen = BootstrapScores({"a": {"profit": 5.0}, "b": {"profit": 3.0}}, samples)
    for name, other, sign in (("a", "b", 1.0), ("b", "a", -1.0)):
        point, paired = seen.difference("profit", name, other)
        assert point == sign * 2.0 and paired.tolist() == [sign * 1.0, sign * -2.0, sign * 7.0]


def test_the_same_rows_and_seed_give_the_same_leaderboard_in_whatever_order_scorers_stand() -> None:
    data = examples(customers=40, weeks=3)
    rng = np.random.default_rng(0)
    scorers = {
        name: Evaluation(data.y, rng.random(len(data)), UTILITY) for name in ("one", "two", "three")
    }
    turned = dict(reversed(scorers.items()))
    first, again, other = (
        BootstrapScores.of(each, data.entities, 50, seed)
        for each, seed in ((scorers, 7), (turned, 7), (scorers, 8))
    )
    assert first.rows({"one"}) == again.rows({"one"}) != other.rows({"one"})
    assert (
        first.points == {name: scorer.point() for name, scorer in scorers.items()} == other.points
    )
