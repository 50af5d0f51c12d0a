"""Each gate passes a good challenger and stops exactly one fault."""

import re
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from retention_assets.modeling.promotion.evidence import (
    Answer,
    Latency,
    PromotionEvidence,
    apply_gates,
)
from retention_assets.modeling.promotion.gates import (
    GATES,
    better_than_champion,
    better_than_trivial_baselines,
    fast_enough,
    has_signal,
    pinned_with_signature,
)
from retention_assets_tests.modeling.promotion.factories import (
    NOBODY_NAME,
    RECENCY_ONLY,
    RIVALS,
    ROUNDS,
    differing,
    evidence,
)


def test_good_challenger_passes_every_gate_once() -> None:
    answers = apply_gates(
        GATES, evidence(champion=differing({"profit": (600.0, 20.0), "brier": (0.13, 0.001)}))
    )
    assert [answer.name for answer in answers] == [gate.name for gate in GATES]
    assert all(answer.passed for answer in answers), [answer.reason for answer in answers]


def slices(**excess: float) -> dict[str, tuple[float, NDArray[np.float64]]]:
    """A figure of each slice with its samples; standard deviation 0.001."""
    rng = np.random.default_rng(3)
    return {
        name: (value, value + 0.001 * rng.normal(size=ROUNDS)) for name, value in excess.items()
    }


FAULTS: dict[str, tuple[PromotionEvidence, str]] = {
    "better_than_champion": (
        evidence(champion=differing({"profit": (880.0, 20.0)})),
        r"Assumed profit \+20 .* per 1000 entities against champion",
    ),
    "better_than_trivial_baselines": (
        evidence(differing({"profit": (30.0, 20.0)})),
        "against nobody",
    ),
    "has_signal": (evidence(differing({"auc": (0.53, 0.01)})), r"AUC 0\.530, above 0\.49"),
    "calibrated": (evidence(differing({"mean_error": (0.09, 0.003)})), r"mean error \+0\.090"),
    "no_worse_on_large_slices": (
        replace(evidence(), slice_differences=slices(new=-0.02, old=0.02)),
        r"Worse on old\.",
    ),
    "calibrated_on_large_slices": (
        replace(evidence(), slice_mean_errors=slices(new=0.01, old=0.05)),
        r"beyond 0\.03 on old \(\+0\.050",
    ),
    "fast_enough": (
        replace(evidence(), latency=Latency(challenger_ms=10.2, reference_ms=0.2)),
        r"10\.20 ms, 51\.0 times as long",
    ),
    "pinned_with_signature": (replace(evidence(), has_signature=False), "missing"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_gate_stops_only_its_fault_and_gives_reason(name: str) -> None:
    faulty, reason = FAULTS[name]
    answers = {answer.name: answer for answer in apply_gates(GATES, faulty)}
    assert [answer.name for answer in answers.values() if not answer.passed] == [name]
    assert answers[name].figures
    assert re.search(reason, answers[name].reason)


def test_every_gate_has_a_fault_in_the_table() -> None:
    assert set(FAULTS) == {gate.name for gate in GATES}


def test_interval_with_zero_keeps_champion() -> None:
    """More money in the point figure is not evidence; the same difference with less noise is."""
    unsure = better_than_champion(
        evidence(
            differing({"profit": (900.0, 100.0)}), champion=differing({"profit": (800.0, 100.0)})
        )
    )
    sure = better_than_champion(
        evidence(
            differing({"profit": (900.0, 10.0)}), champion=differing({"profit": (800.0, 10.0)})
        )
    )
    assert unsure.value == sure.value == 100.0
    assert unsure.low is not None and sure.low is not None and unsure.low < 0 < sure.low
    assert (unsure.passed, sure.passed) == (False, True)


def test_gate_passes_without_champion() -> None:
    answer = better_than_champion(evidence())
    assert answer.passed and "No champion to compare with" in answer.reason


def test_more_tries_require_more_certainty() -> None:
    close = evidence(differing({"profit": (48.0, 20.0)}), {NOBODY_NAME: RIVALS[NOBODY_NAME]})
    assert better_than_trivial_baselines(replace(close, tries=1)).passed
    assert not better_than_trivial_baselines(replace(close, tries=4)).passed


@pytest.mark.parametrize(
    ("recency", "passed"),
    [
        ({}, True),
        # Equal at capacity: a little more profit is enough if the Brier interval is below zero.
        ({"profit": (899.0, 20.0)}, True),
        ({"profit": (901.0, 20.0)}, False),
        ({"brier": (0.1201, 0.001)}, False),
    ],
)
def test_ranking_baseline_requires_more_profit_and_better_brier(
    recency: dict, passed: bool
) -> None:
    rivals = {**RIVALS, RECENCY_ONLY: differing(recency, RIVALS[RECENCY_ONLY])}
    assert better_than_trivial_baselines(evidence(rivals=rivals)).passed is passed


@pytest.mark.parametrize(
    ("auc", "spread", "passed"),
    [(0.78, 0.01, True), (0.58, 0.03, False), (0.54, 0.01, True), (0.3, 0.01, False)],
)
def test_signal_gate_requires_auc_clearly_above_chance(
    auc: float, spread: float, passed: bool
) -> None:
    assert has_signal(evidence(differing({"auc": (auc, spread)}))).passed is passed


@pytest.mark.parametrize(
    ("digest", "signature", "passed"),
    [("0" * 64, True, True), ("", True, False), ("0" * 64, False, False)],
)
def test_gate_requires_digest_and_signature(digest: str, signature: bool, passed: bool) -> None:
    assert (
        pinned_with_signature(replace(evidence(), digest=digest, has_signature=signature)).passed
        is passed
    )


def test_latency_gate_stops_models_above_limit() -> None:
    answers: list[Answer] = [
        fast_enough(replace(evidence(), latency=Latency(ms, reference_ms=2.0)))
        for ms in (99.8, 100.0, 100.2)
    ]
    assert [answer.passed for answer in answers] == [True, True, False]
