"""The conditions for a challenger to become champion: one row in GATES for each.

Money decides; the other gates can only stop. Intervals are paired, by entity, and corrected for how
many things were tried: the best of four candidates is the luckiest of four.
"""

import math
from collections.abc import Sequence

import numpy as np

from retention_assets import keys
from retention_assets.modeling.evaluation.intervals import interval, without_bias
from retention_assets.modeling.examples import Bools, Examples
from retention_assets.modeling.promotion.evidence import (
    CHAMPION,
    Answer,
    Gate,
    PromotionEvidence,
)

ALPHA = 0.05
# One-sided 0.9995 normal quantile: on pure noise a ranking passes once in 2000 times.
SIGNAL_Z = 3.29
CHANCE_AUC = 0.5
# Two one-sided tests at 5 %: the whole 90 % interval lies within the tolerance (Schuirmann 1987).
EQUIVALENCE_ALPHA = 0.10
MIN_SLICE_SHARE = 0.1
MIN_SLICE_POSITIVES = 50


def better_than_champion(evidence: PromotionEvidence) -> Answer:
    """More money than today's champion on the same rows; the whole interval lies above zero."""
    if not evidence.has_champion:
        reason = "No champion to compare with; only the trivial baselines count."
        return Answer(passed=True, reason=reason)
    return _more_money(evidence, [CHAMPION])


def better_than_trivial_baselines(evidence: PromotionEvidence) -> Answer:
    """More money than baselines that do not rank, by the interval; against a baseline that ranks,
    more money and better probabilities by the interval.

    Where the first rows of a ranking baseline are plain cases, every good ranking begins with them,
    and money at one capacity cannot tell two apart; the probabilities of all rows can.
    """
    unranked = [name for name in evidence.baselines if name not in evidence.rankings]
    money = _more_money(evidence, unranked)
    passed = money.passed
    reasons = [money.reason]
    details = dict(money.details)
    for name in evidence.rankings:
        more, sample = evidence.scores.difference("profit", evidence.challenger, name)
        brier, brier_sample = evidence.scores.difference("brier", evidence.challenger, name)
        low, high = interval(sample, ALPHA / evidence.candidates)
        _, brier_high = interval(brier_sample, ALPHA / evidence.candidates)
        passed = passed and more > 0 and brier_high < 0
        reasons.append(
            f"Assumed profit {more:+.0f} [{low:.0f}, {high:.0f}] and Brier {brier:+.4f} "
            f"[at most {brier_high:+.4f}] against {name}."
        )
        details |= {
            f"{name}_profit_difference": more,
            f"{name}_low": low,
            f"{name}_high": high,
            f"{name}_brier_difference": brier,
            f"{name}_brier_high": brier_high,
        }
    return Answer(
        passed=passed,
        reason=" ".join(reasons),
        value=money.value,
        low=money.low,
        high=money.high,
        limit=money.limit,
        details=details,
    )


def has_signal(evidence: PromotionEvidence) -> Answer:
    """Ranks better than chance, beyond what the luckiest of pure noise would show."""
    auc = evidence.scores.points[evidence.challenger]["auc"]
    sample = evidence.scores.samples[evidence.challenger]["auc"]
    low = auc - SIGNAL_Z * float(sample.std())
    reason = f"AUC {auc:.3f}, above {low:.3f} with 99.95 % confidence; chance is .5."
    return Answer(passed=low > CHANCE_AUC, reason=reason, value=auc, low=low, limit=CHANCE_AUC)


def calibrated(evidence: PromotionEvidence) -> Answer:
    """Probabilities agree with observed rates, by the whole of their intervals: on the mean, and in
    the root mean square of ten score bins, without what noise adds to it. And the Brier score is
    not worse, by its interval, than the champion's (or a constant's).
    """
    tolerance = evidence.calibration_tolerance
    points = evidence.scores.points[evidence.challenger]
    samples = evidence.scores.samples[evidence.challenger]
    mean_error = points["mean_error"]
    low, high = interval(samples["mean_error"], EQUIVALENCE_ALPHA)
    name = "squared_calibration_error"
    squares = without_bias(points[name], samples[name], EQUIVALENCE_ALPHA)
    error, error_low, error_high = (math.sqrt(max(0.0, square)) for square in squares)
    rival = CHAMPION if evidence.has_champion else "everybody"
    brier, sample = evidence.scores.difference("brier", evidence.challenger, rival)
    brier_low, _ = interval(sample)
    is_close = -tolerance < low and high < tolerance and error_high < tolerance
    is_undecided = not is_close and max(error, abs(mean_error)) < tolerance
    return Answer(
        passed=is_close and brier_low <= 0,
        reason=f"Calibration error {error:.3f} [{error_low:.3f}, {error_high:.3f}] and mean error "
        f"{mean_error:+.3f} [{low:+.3f}, {high:+.3f}], tolerance {tolerance}"
        f"{', which takes more rows to show' if is_undecided else ''}; "
        f"Brier {brier:+.4f} against {rival}.",
        value=error,
        low=error_low,
        high=error_high,
        limit=tolerance,
        details={
            "mean_error": mean_error,
            "mean_error_low": low,
            "mean_error_high": high,
            "brier_difference": brier,
            "brier_difference_low": brier_low,
        },
    )


def no_worse_on_large_slices(evidence: PromotionEvidence) -> Answer:
    """On no large slice is the Brier score worse, by its interval, than the champion's."""
    if not evidence.slice_differences:
        return Answer(passed=True, reason="No slice is large enough to compare.")
    alpha = ALPHA / len(evidence.slice_differences)
    lows = {
        name: interval(sample, alpha)[0] for name, (_, sample) in evidence.slice_differences.items()
    }
    worse = [name for name, low in lows.items() if low > 0]
    worst = max(lows, key=lambda name: lows[name])
    details = {
        f"{name} {figure}": value
        for name, (difference, _) in evidence.slice_differences.items()
        for figure, value in (("brier_difference", difference), ("low", lows[name]))
    }
    return Answer(
        passed=not worse,
        reason=f"Worse on {', '.join(worse)}."
        if worse
        else f"Worse on none of {len(lows)} slices.",
        value=evidence.slice_differences[worst][0],
        low=lows[worst],
        limit=0.0,
        details=details,
    )


def fast_enough(evidence: PromotionEvidence) -> Answer:
    """One row, scored and explained, within the time of a prediction."""
    limit = evidence.max_latency_ms
    reason = f"p95 {evidence.latency_ms:.1f} ms for one row (limit {limit:.0f} ms)."
    passed = evidence.latency_ms <= limit
    return Answer(passed=passed, reason=reason, value=evidence.latency_ms, limit=limit)


def pinned_with_signature(evidence: PromotionEvidence) -> Answer:
    """The input signature is logged, and the files are those whose digest was taken."""
    passed = bool(evidence.digest) and evidence.has_signature
    reason = "Signature and digest exist." if passed else "Signature or digest is missing."
    details = {"has_digest": float(bool(evidence.digest))}
    return Answer(
        passed=passed,
        reason=reason,
        details=details | {"has_signature": float(evidence.has_signature)},
    )


GATES = (
    Gate(
        keys.BETTER_THAN_CHAMPION,
        better_than_champion,
        "Earns more than today's champion on the same rows, by a paired interval. What an action "
        "achieves is assumed.",
    ),
    Gate(
        keys.BETTER_THAN_BASELINES,
        better_than_trivial_baselines,
        "Earns more than acting on nobody or at random, and beats each one-feature ranking. What "
        "an action achieves is assumed.",
    ),
    Gate(
        keys.HAS_SIGNAL,
        has_signal,
        "Ranks better than chance, even after a correction for luck.",
    ),
    Gate(
        keys.CALIBRATED,
        calibrated,
        "Predicted rates agree with observed rates within a tolerance, by the whole interval.",
    ),
    Gate(
        keys.NO_WORSE_ON_LARGE_SLICES,
        no_worse_on_large_slices,
        "Predictions are not worse than the champion's for any large group.",
    ),
    Gate(
        keys.FAST_ENOUGH,
        fast_enough,
        "Scores one row within the time allowed for a prediction.",
    ),
    Gate(
        keys.PINNED_WITH_SIGNATURE,
        pinned_with_signature,
        "The model's files are pinned by digest and its inputs are declared.",
    ),
)


def _more_money(evidence: PromotionEvidence, rivals: Sequence[str]) -> Answer:
    """The lower end of the paired difference is above zero against each rival."""
    figures = {}
    for rival in rivals:
        difference, sample = evidence.scores.difference("profit", evidence.challenger, rival)
        figures[rival] = (difference, *interval(sample, ALPHA / evidence.candidates))
    if not figures:
        return Answer(passed=True, reason="No such baseline is declared.")
    closest = min(figures, key=lambda rival: figures[rival][1])
    value, low, high = figures[closest]
    details = {
        f"{rival}_{name}": figure
        for rival, row in figures.items()
        for name, figure in zip(("profit_difference", "low", "high"), row, strict=True)
    }
    return Answer(
        passed=all(row[1] > 0 for row in figures.values()),
        reason=f"Assumed profit {value:+.0f} [{low:.0f}, {high:.0f}] per 1000 "
        f"{evidence.entities} against {closest}.",
        value=value,
        low=low,
        high=high,
        limit=0.0,
        details=details,
    )


def large_slices(rows: Examples, median_slices: Sequence[str]) -> dict[str, Bools]:
    """Groups large enough to compare: both sides of a feature's median, and each 0/1 feature."""
    slices: dict[str, Bools] = {}
    for at, name in enumerate(rows.features):
        column = rows.X[:, at]
        if name in median_slices:
            middle = np.nanmedian(column) if not np.isnan(column).all() else np.nan
            slices |= {f"{name} low": column <= middle, f"{name} high": column > middle}
        elif set(np.unique(column[~np.isnan(column)])) == {0.0, 1.0}:
            slices[name] = column == 1.0
    return {
        name: mask
        for name, mask in slices.items()
        if mask.mean() >= MIN_SLICE_SHARE and rows.y[mask].sum() >= MIN_SLICE_POSITIVES
    }
