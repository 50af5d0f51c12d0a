"""Gates on probabilities: are they near the observed rates, for all rows and for large groups?"""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from retention_assets.modeling.evaluation.intervals import interval, without_bias
from retention_assets.modeling.examples import Bools, Examples
from retention_assets.modeling.promotion.evidence import (
    ALPHA,
    CHAMPION,
    Answer,
    PromotionEvidence,
)

# Two one-sided tests at 5 %: the whole 90 % interval lies within the tolerance (Schuirmann 1987).
EQUIVALENCE_ALPHA = 0.10
MIN_SLICE_SHARE = 0.1
MIN_SLICE_POSITIVES = 50


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
    needed = max(
        _times_as_much_data(error, error_high, tolerance),
        _times_as_much_data(abs(mean_error), max(high, -low), tolerance),
    )
    is_undecided = not is_close and math.isfinite(needed)
    remark = f", which takes about {needed:.1f} times as much data to show" if is_undecided else ""
    return Answer(
        passed=is_close and brier_low <= 0,
        reason=f"Calibration error {error:.3f} [{error_low:.3f}, {error_high:.3f}] and mean error "
        f"{mean_error:+.3f} [{low:+.3f}, {high:+.3f}], tolerance {tolerance}{remark}; "
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


def _times_as_much_data(error: float, upper: float, tolerance: float) -> float:
    """By what factor the data must grow for an interval around this error to end at the tolerance:
    its width falls with the square root of the number of customers. Infinite if the error is above.
    """
    room = tolerance - error
    return ((upper - error) / room) ** 2 if room > 0 else math.inf


def calibrated_on_large_slices(evidence: PromotionEvidence) -> Answer:
    """On each large slice with enough data to decide, the whole interval of the mean error lies
    within the tolerance. A slice without passes unless its interval lies outside.
    """
    errors = evidence.slice_mean_errors
    if not errors:
        return Answer(passed=True, reason="No slice is large enough to examine.")
    tolerance = evidence.calibration_tolerance
    most = _deciding_error(tolerance, len(errors))
    wrong = []
    details: dict[str, float] = {}
    deciding = 0
    for name, (error, sample) in errors.items():
        decides = float(sample.std()) <= most
        deciding += decides
        alpha = EQUIVALENCE_ALPHA if decides else ALPHA / len(errors)
        low, high = interval(sample, alpha)
        is_inside = -tolerance < low and high < tolerance
        is_outside = low > tolerance or high < -tolerance
        if is_outside or (decides and not is_inside):
            wrong.append(f"{name} ({error:+.3f} [{low:+.3f}, {high:+.3f}])")
        figures = {"mean_error": error, "low": low, "high": high, "decides": float(decides)}
        details |= {f"{name} {figure}": value for figure, value in figures.items()}
    counts = f"{deciding} of {len(errors)} slices have enough rows to decide."
    worst = max(errors, key=lambda name: abs(errors[name][0]))
    return Answer(
        passed=not wrong,
        reason=f"Mean error beyond {tolerance} on {', '.join(wrong)}; {counts}"
        if wrong
        else f"Mean error beyond {tolerance} on no slice; {counts}",
        value=errors[worst][0],
        limit=tolerance,
        details=details,
    )


def _deciding_error(tolerance: float, slices: int) -> float:
    """The largest standard error at which so many slices without any error all pass in 95 of 100
    cases.
    """
    normal = NormalDist()
    reach = normal.inv_cdf(1 - EQUIVALENCE_ALPHA / 2) + normal.inv_cdf(1 - ALPHA / 2 / slices)
    return tolerance / reach


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
        if mask.mean() >= MIN_SLICE_SHARE and (rows.w * rows.y)[mask].sum() >= MIN_SLICE_POSITIVES
    }
