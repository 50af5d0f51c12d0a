"""The verdict: promoted only where every gate passed, and a reason that names each that did not; slices and latency by hand."""

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from retention_assets.modeling.evaluation.baselines import EVERYBODY, NOBODY
from retention_assets.modeling.evaluation.metrics import Evaluation
from retention_assets.modeling.promotion import decision as verdict
from retention_assets.modeling.promotion.comparison import Comparison
from retention_assets.modeling.promotion.decision import (
    LATENCY_ROWS,
    decide_promotion,
    latency_ms,
    slice_differences,
)
from retention_assets_tests.modeling.factories import FEATURES, UTILITY, churn, examples
from retention_assets_tests.serve import bundles
from serve.model.card import Card
from serve.model.loaders import RawModel
from serve.model.scorer import Scorer

TEST = examples(customers=150, weeks=3)
TASK = churn(bootstrap_rounds=100, seed=1, max_predict_ms=1000)
KNOWING, GUESSING = (
    np.where(TEST.y > 0, 0.97, 0.03),
    np.random.default_rng(1).permutation(np.where(TEST.y > 0, 0.97, 0.03)),
)


def contest(challenger: np.ndarray, champion: np.ndarray | None = None) -> Comparison:
    everybody = Evaluation(TEST.y, np.full(len(TEST), TEST.y.mean()), UTILITY, "random")
    nobody = Evaluation(TEST.y, np.zeros(len(TEST)), UTILITY)
    rival = None if champion is None else Evaluation(TEST.y, champion, UTILITY)
    baselines = {NOBODY.name: nobody, EVERYBODY.name: everybody}
    return Comparison(
        task=TASK,
        test=TEST,
        candidates={"model": Evaluation(TEST.y, challenger, UTILITY)},
        baselines=baselines,
        champion=rival,
    )


def scorer(raw: RawModel = lambda matrix: np.full(len(matrix), 0.5)) -> Scorer:
    return Scorer(
        Card.model_validate(bundles.card(features=list(FEATURES))), raw, digest="of the challenger"
    )


@pytest.mark.parametrize(
    ("challenger", "champion", "todays", "promoted", "failed"),
    [
        (KNOWING, None, None, True, set()),
        (KNOWING, GUESSING, "of another", True, set()),
        (KNOWING, KNOWING, "of another", False, {"better_than_champion"}),
        (
            GUESSING,
            None,
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
    ids=["first of all", "a better one", "as good as the champion", "a guess"],
)
def test_one_failed_gate_keeps_todays_model_and_the_reason_names_all_that_failed(
    challenger: np.ndarray,
    champion: np.ndarray | None,
    todays: str | None,
    promoted: bool,
    failed: set[str],
) -> None:
    said = decide_promotion(
        contest(challenger, champion), scorer(), champion_digest=todays, has_signature=True
    )
    assert (said.promoted, said.challenger, said.digest) == (promoted, "model", "of the challenger")
    assert {gate.name for gate in said.gates if not gate.passed} == failed
    assert said.reason.startswith("model passed 7 gates" if promoted else "Nothing is promoted: ")
    assert {
        gate.name for gate in said.gates if f"{gate.name}: {gate.reason}" in said.reason
    } == failed


@pytest.mark.parametrize("challenger", [KNOWING, GUESSING])
def test_the_champion_does_not_succeed_itself_whatever_the_gates_say(
    challenger: np.ndarray,
) -> None:
    said = decide_promotion(
        contest(challenger), scorer(), champion_digest="of the challenger", has_signature=True
    )
    assert not said.promoted and said.reason == "The best candidate is today's champion itself."
    assert len(said.gates) == 7


def test_a_lacking_signature_stops_the_best_of_models() -> None:
    said = decide_promotion(contest(KNOWING), scorer(), champion_digest=None, has_signature=False)
    assert not said.promoted and "pinned_with_signature" in said.reason


@pytest.mark.parametrize(
    ("champion", "expected"),
    [([0.5, 0.5, 0.9, 0.1], {"left": -0.24, "right": 0.24}), (None, {"left": -0.24, "right": 0.0})],
)
def test_a_slice_compares_brier_scores_of_its_own_rows_with_the_champions_or_a_constants(
    champion: Sequence[float] | None, expected: dict[str, float]
) -> None:
    """Squares of the misses: the challenger's .01 on the left, .25 on the right; a constant half has .25 everywhere."""
    four = TEST.take(np.flatnonzero(TEST.as_of == TEST.as_of[0])[:4])
    y = four.y[:] = np.array([1, 0, 1, 0])
    known = Evaluation(y, np.array([0.9, 0.1, 0.5, 0.5]), UTILITY)
    rival = None if champion is None else Evaluation(y, np.array(champion), UTILITY)
    constant = {EVERYBODY.name: Evaluation(y, np.full(4, 0.5), UTILITY)}
    left = np.array([True, True, False, False])
    held = Comparison(
        task=replace(TASK, bootstrap_rounds=40),
        test=four,
        candidates={"model": known},
        baselines=constant,
        champion=rival,
    )
    found = slice_differences(held, {"left": left, "right": ~left})
    assert {name: point for name, (point, _) in found.items()} == pytest.approx(expected)
    for name, (_, rounds) in found.items():
        # A round in which nobody of the slice was drawn says nothing of it.
        assert len(rounds) == 40 and set(np.round(rounds, 12)) <= {0.0, expected[name]}


@pytest.mark.parametrize(("slow", "expected"), [(0, 1.0), (4, 1.0), (10, 30.0)])
def test_latency_is_the_95th_percentile_of_single_customers_without_the_first_call(
    slow: int, expected: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock that the model itself moves: a second to warm up, then 1 ms each, and 30 ms for the last ones."""
    clock, calls = [0.0], []

    def raw(matrix: np.ndarray) -> np.ndarray:
        calls.append(len(matrix))
        clock[0] += (
            1.0 if len(calls) == 1 else 0.030 if len(calls) > 1 + LATENCY_ROWS - slow else 0.001
        )
        return np.full(len(matrix), 0.5)

    monkeypatch.setattr(verdict, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    assert latency_ms(scorer(raw), TEST.X) == pytest.approx(expected)
    assert len(calls) == 1 + LATENCY_ROWS and max(calls) == 1 + len(
        FEATURES
    )  # a row and what it is without each feature


def test_a_model_slower_than_allowed_is_not_promoted_on_fewer_rows_than_are_timed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [0.0]

    def raw(matrix: np.ndarray) -> np.ndarray:
        clock[0] += 0.051
        return np.full(len(matrix), 0.5)

    monkeypatch.setattr(verdict, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    assert latency_ms(scorer(raw), TEST.X[:3]) == pytest.approx(51.0)
    said = decide_promotion(
        replace(contest(KNOWING), task=replace(TASK, max_latency_ms=50)),
        scorer(raw),
        champion_digest=None,
        has_signature=True,
    )
    assert not said.promoted and said.reason.startswith(
        "Nothing is promoted: fast_enough: p95 51.0 ms"
    )
