"""From scores on the untouched rows to a decision: which gates pass, and who is promoted."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retention_assets.modeling.evaluation.baselines import EVERYBODY
from retention_assets.modeling.evaluation.intervals import entity_draws
from retention_assets.modeling.examples import Bools, Floats
from retention_assets.modeling.promotion.comparison import Comparison
from retention_assets.modeling.promotion.evidence import (
    GateResult,
    Latency,
    PromotionEvidence,
    apply_gates,
)
from retention_assets.modeling.promotion.probability_gates import large_slices
from serve.model.loaders import sigmoid
from serve.model.scorer import Scorer

LATENCY_ROWS = 100


@dataclass(frozen=True, kw_only=True)
class PromotionDecision:
    """`promoted` only if every gate passed and the challenger's recipe is not the champion's."""

    challenger: str
    digest: str
    gates: list[GateResult]
    promoted: bool
    reason: str


def decide_promotion(
    comparison: Comparison,
    scorer: Scorer,
    *,
    is_same_recipe: bool = False,
    has_signature: bool,
    tries: int = 1,
) -> PromotionDecision:
    """Applies the Task's gates to the challenger, whose served form is `scorer`.

    `is_same_recipe`: the champion has it already. `tries`: how often the untouched rows have judged
    a challenger, this time included.
    """
    evidence = promotion_evidence(comparison, scorer, has_signature=has_signature, tries=tries)
    results = apply_gates(comparison.task.gates, evidence)
    failed = [result for result in results if not result.passed]
    if is_same_recipe:
        reason = comparison.same_recipe_reason
    elif failed:
        reasons = " ".join(f"{result.name}: {result.reason}" for result in failed)
        reason = f"Nothing is promoted: {reasons}"
    else:
        reason = f"{comparison.challenger} passed {len(results)} gates."
    reason = f"{reason} It was chosen on {comparison.chosen_on}."
    return PromotionDecision(
        challenger=comparison.challenger,
        digest=scorer.digest,
        gates=results,
        promoted=not failed and not is_same_recipe,
        reason=reason,
    )


def promotion_evidence(
    comparison: Comparison, scorer: Scorer, *, has_signature: bool, tries: int
) -> PromotionEvidence:
    """Everything that the gates look at. `tries`: see PromotionEvidence."""
    rows = comparison.test
    slices = large_slices(rows, comparison.task.median_slices)
    return PromotionEvidence(
        challenger=comparison.challenger,
        tries=tries,
        scores=comparison.scores,
        baselines=tuple(comparison.baselines),
        rankings=comparison.rankings,
        has_champion=comparison.champion is not None,
        slice_differences=slice_differences(comparison, slices),
        slice_mean_errors=slice_mean_errors(comparison, slices),
        calibration_tolerance=comparison.task.calibration_tolerance,
        latency=latency(scorer, rows.columns(scorer.features)),
        max_latency_ratio=comparison.task.max_latency_ratio,
        digest=scorer.digest,
        has_signature=has_signature,
        entities=comparison.task.words.entities,
    )


def slice_differences(
    comparison: Comparison, slices: Mapping[str, Bools]
) -> dict[str, tuple[float, Floats]]:
    """Challenger's Brier minus the champion's (or a constant's) in each slice: point, samples."""
    y = comparison.test.y
    rival = comparison.champion or comparison.baselines[EVERYBODY.name]
    challenger = comparison.candidates[comparison.challenger]
    return _slice_means(comparison, slices, (challenger.p - y) ** 2 - (rival.p - y) ** 2)


def slice_mean_errors(
    comparison: Comparison, slices: Mapping[str, Bools]
) -> dict[str, tuple[float, Floats]]:
    """Mean of the challenger's probabilities minus the rate in each slice: point, samples."""
    challenger = comparison.candidates[comparison.challenger]
    return _slice_means(comparison, slices, challenger.p - comparison.test.y)


def _slice_means(
    comparison: Comparison, slices: Mapping[str, Bools], values: Floats
) -> dict[str, tuple[float, Floats]]:
    """Mean over the rows of each slice, and its bootstrap samples by entity."""
    if not slices:
        return {}
    unique, entity = np.unique(comparison.test.entities, return_inverse=True)
    # Sums by entity, (slices, entities): a draw then only counts entities.
    w = comparison.test.w
    masks = list(slices.values())
    sums = [np.bincount(entity, w * values * rows, minlength=len(unique)) for rows in masks]
    rows_of = [np.bincount(entity, w * rows, minlength=len(unique)) for rows in masks]
    samples = [
        (np.stack(sums) @ counts) / np.maximum(np.stack(rows_of) @ counts, 1)
        for counts in entity_draws(
            len(unique), comparison.task.bootstrap_rounds, comparison.task.seed
        )
    ]
    by_slice = np.concatenate(samples, axis=1)
    return {
        name: (float(np.average(values[rows], weights=w[rows])), by_slice[at])
        for at, (name, rows) in enumerate(slices.items())
    }


def latency(scorer: Scorer, X: NDArray[np.float64]) -> Latency:
    """Medians of scoring and explaining one row, after a warm-up. The two models take turns, so
    that a busy machine slows both.
    """
    reference = _linear_scorer(scorer)
    seconds: dict[Scorer, list[float]] = {scorer: [], reference: []}
    for timed in seconds:
        timed.score(X[0])
    for row in X[np.linspace(0, len(X) - 1, LATENCY_ROWS).astype(int)]:
        for timed, taken in seconds.items():
            started = time.perf_counter()
            timed.score(row)
            taken.append(time.perf_counter() - started)
    medians = {timed: float(np.median(taken)) * 1000 for timed, taken in seconds.items()}
    return Latency(challenger_ms=medians[scorer], reference_ms=medians[reference])


def _linear_scorer(scorer: Scorer) -> Scorer:
    """A scorer of the same features and card whose model is a weighted sum."""
    weights = np.full(len(scorer.features), 1 / len(scorer.features))
    return Scorer(scorer.card, lambda matrix: sigmoid(np.nan_to_num(matrix) @ weights), "")
