"""Promotion needs every gate; the reason names those that failed."""

import time
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from retention_assets.modeling.evaluation.baselines import EVERYBODY, NOBODY
from retention_assets.modeling.evaluation.metrics import Evaluation
from retention_assets.modeling.promotion import decision as decision_module
from retention_assets.modeling.promotion.comparison import Comparison
from retention_assets.modeling.promotion.decision import (
    decide_promotion,
    latency,
    slice_differences,
    slice_mean_errors,
)
from retention_assets_tests.modeling.factories import FEATURES, UTILITY, churn, examples
from retention_assets_tests.serve import bundles
from serve.model.card import Card
from serve.model.loaders import RawModel, sigmoid
from serve.model.scorer import Scorer

TEST = examples(customers=150, weeks=3)
TASK = churn(bootstrap_rounds=100, seed=1, max_predict_ratio=1000)
KNOWING = np.where(TEST.y > 0, 0.97, 0.03)
FOLD_SCORES = {"profit": 10.0, "profit_error": 0.0, "brier": 0.1}
GUESSING = np.random.default_rng(1).permutation(KNOWING)


def comparison(challenger: np.ndarray, champion: np.ndarray | None = None) -> Comparison:
    everybody = Evaluation(TEST.y, np.full(len(TEST), TEST.y.mean()), UTILITY, "random")
    nobody = Evaluation(TEST.y, np.zeros(len(TEST)), UTILITY)
    rival = None if champion is None else Evaluation(TEST.y, champion, UTILITY)
    baselines = {NOBODY.name: nobody, EVERYBODY.name: everybody}
    return Comparison(
        task=TASK,
        test=TEST,
        candidates={"model": Evaluation(TEST.y, challenger, UTILITY)},
        baselines=baselines,
        fold_scores={"model": FOLD_SCORES},
        chosen_on="two folds",
        champion=rival,
    )


def scorer(raw: RawModel = lambda matrix: np.full(len(matrix), 0.5)) -> Scorer:
    return Scorer(
        Card.model_validate(bundles.card(features=list(FEATURES))), raw, digest="of the challenger"
    )


@pytest.mark.parametrize(
    ("challenger", "champion", "promoted", "failed"),
    [
        (KNOWING, None, True, set()),
        (KNOWING, GUESSING, True, set()),
        (KNOWING, KNOWING, False, {"better_than_champion"}),
        (
            GUESSING,
            None,
            False,
            {
                "better_than_trivial_baselines",
                "has_signal",
                "calibrated",
                "no_worse_on_large_slices",
            },
        ),
    ],
    ids=["no champion", "better than champion", "equal to champion", "random"],
)
def test_failed_gate_prevents_promotion_and_is_in_reason(
    challenger: np.ndarray,
    champion: np.ndarray | None,
    promoted: bool,
    failed: set[str],
) -> None:
    decision = decide_promotion(
        comparison(challenger, champion),
        scorer(),
        has_signature=True,
    )
    assert (decision.promoted, decision.challenger, decision.digest) == (
        promoted,
        "model",
        "of the challenger",
    )
    assert {gate.name for gate in decision.gates if not gate.passed} == failed
    assert decision.reason.startswith(
        "model passed 8 gates" if promoted else "Nothing is promoted: "
    )
    assert decision.reason.endswith(" It was chosen on two folds.")
    assert {
        gate.name for gate in decision.gates if f"{gate.name}: {gate.reason}" in decision.reason
    } == failed


@pytest.mark.parametrize("challenger", [KNOWING, GUESSING])
def test_recipe_of_the_champion_is_not_promoted_again(
    challenger: np.ndarray,
) -> None:
    decision = decide_promotion(
        comparison(challenger), scorer(), is_same_recipe=True, has_signature=True
    )
    assert (
        not decision.promoted
        and "The best recipe is the champion's own, model: it stays." in decision.reason
    )
    assert len(decision.gates) == 8


def test_missing_signature_prevents_promotion() -> None:
    decision = decide_promotion(comparison(KNOWING), scorer(), has_signature=False)
    assert not decision.promoted and "pinned_with_signature" in decision.reason


@pytest.mark.parametrize(
    ("champion", "expected"),
    [([0.5, 0.5, 0.9, 0.1], {"left": -0.24, "right": 0.24}), (None, {"left": -0.24, "right": 0.0})],
)
def test_slice_difference_compares_brier_with_rival(
    champion: Sequence[float] | None, expected: dict[str, float]
) -> None:
    """The challenger's Brier score is .01 left and .25 right; a constant .5 has .25 in both."""
    four = TEST.take(np.flatnonzero(TEST.as_of == TEST.as_of[0])[:4])
    y = four.y[:] = np.array([1, 0, 1, 0])
    known = Evaluation(y, np.array([0.9, 0.1, 0.5, 0.5]), UTILITY)
    rival = None if champion is None else Evaluation(y, np.array(champion), UTILITY)
    constant = {EVERYBODY.name: Evaluation(y, np.full(4, 0.5), UTILITY)}
    left = np.array([True, True, False, False])
    two_slices = Comparison(
        task=replace(TASK, bootstrap_rounds=40),
        test=four,
        candidates={"model": known},
        baselines=constant,
        fold_scores={"model": FOLD_SCORES},
        chosen_on="two folds",
        champion=rival,
    )
    differences = slice_differences(two_slices, {"left": left, "right": ~left})
    assert {name: point for name, (point, _) in differences.items()} == pytest.approx(expected)
    for name, (_, rounds) in differences.items():
        # A round that draws no row of the slice has the difference 0.
        assert len(rounds) == 40 and set(np.round(rounds, 12)) <= {0.0, expected[name]}


def test_slice_errors_follow_the_weights() -> None:
    """Two rows a slice: a leaver of weight 3 and a stayer of weight 1 are a rate of .75."""
    four = TEST.take(np.flatnonzero(TEST.as_of == TEST.as_of[0])[:4])
    four.y[:] = np.array([1, 0, 1, 0])
    weighted = replace(four, weights=np.array([3.0, 1.0, 1.0, 0.0]))
    left = np.array([True, True, False, False])
    two_slices = Comparison(
        task=replace(TASK, bootstrap_rounds=40),
        test=weighted,
        candidates={"model": Evaluation.of(weighted, np.full(4, 0.5), UTILITY)},
        baselines={},
        fold_scores={"model": FOLD_SCORES},
        chosen_on="two folds",
    )
    errors = slice_mean_errors(two_slices, {"left": left, "right": ~left})
    assert {name: point for name, (point, _) in errors.items()} == {"left": -0.25, "right": -0.5}


def clocked(clock: list[float], seconds: list[float]) -> RawModel:
    """A model whose calls move the clock on, by these seconds in turn, and then by the last."""
    calls = iter(seconds)

    def raw(matrix: np.ndarray) -> np.ndarray:
        clock[0] += next(calls, seconds[-1])
        return np.full(len(matrix), 0.5)

    return raw


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ([1.0, 0.001], 1.0),  # the first call is a warm-up
        ([1.0, *[0.030] * 40, 0.001], 1.0),  # a busy moment does not count
        ([1.0, *[0.030] * 60, 0.001], 30.0),
    ],
)
def test_latency_is_the_median_after_a_warm_up(
    seconds: list[float], expected: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(decision_module, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    assert latency(scorer(clocked(clock, seconds)), TEST.X).challenger_ms == pytest.approx(expected)


def test_linear_model_takes_as_long_as_the_reference() -> None:
    """Really timed: the same work twice, so the ratio is near 1 on any machine."""
    weights = np.ones(len(FEATURES))
    measured = latency(scorer(lambda matrix: sigmoid(np.nan_to_num(matrix) @ weights)), TEST.X)
    assert 0.5 < measured.ratio < 2


def test_slow_model_is_not_promoted_on_few_rows() -> None:
    def raw(matrix: np.ndarray) -> np.ndarray:
        time.sleep(0.01)
        return np.full(len(matrix), 0.5)

    three_rows = TEST.take(np.arange(3))
    assert latency(scorer(raw), three_rows.X).challenger_ms > 10
    decision = decide_promotion(
        replace(comparison(KNOWING), task=replace(TASK, max_latency_ratio=3)),
        scorer(raw),
        has_signature=True,
    )
    assert not decision.promoted and decision.reason.startswith(
        "Nothing is promoted: fast_enough: One row takes 1"
    )
