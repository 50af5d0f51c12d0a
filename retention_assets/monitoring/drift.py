"""Whether features still look as they did to the champion: one test a feature, one error budget for all of them.

A feature has drifted when its difference is both certain (Kolmogorov-Smirnov, Holm over the features, so that the
chance of any false alarm in a report stays below alpha at every n) and large (an effect in units of the reference's
spread, so that a big table does not raise an alarm about nothing). Pure numpy; knows no table and no model.

Both samples hold the same customers where they overlap; what such samples share makes the test milder, never stricter.
Ties (counts, flags) do the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SERIES_TERMS = 100
NORMAL_IQR = 1.349  # the interquartile range of a normal distribution, in standard deviations


@dataclass(frozen=True)
class FeatureDrift:
    """One feature's verdict. `p_value` is Holm-adjusted; `effect` is in reference spreads; NaN counts as unknown."""

    feature: str
    n_reference: int
    n_current: int
    unknown_reference: float
    unknown_current: float
    statistic: float
    critical: float
    p_value: float
    effect: float
    drifted: bool


def compare(
    reference: Mapping[str, Floats], current: Mapping[str, Floats], alpha: float, min_effect: float
) -> list[FeatureDrift]:
    """The features of both samples, worst first. `alpha`: chance of any false alarm in the whole report."""
    names = [
        name
        for name in reference
        if name in current and len(reference[name]) and len(current[name])
    ]
    statistics = [ks_statistic(reference[name], current[name]) for name in names]
    raw = [
        ks_p_value(d, len(reference[name]), len(current[name]))
        for name, d in zip(names, statistics, strict=True)
    ]
    rows = [
        _verdict(
            name, reference[name], current[name], statistic, p_value, len(names), alpha, min_effect
        )
        for name, statistic, p_value in zip(names, statistics, holm(np.array(raw)), strict=True)
    ]
    return sorted(rows, key=lambda row: (row.drifted, row.effect), reverse=True)


def ks_statistic(reference: Floats, current: Floats) -> float:
    """Largest gap between the two distribution functions; unknown values stand together below all others."""
    left, right = np.sort(_ordered(reference)), np.sort(_ordered(current))
    grid = np.concatenate([left, right])
    below_left = np.searchsorted(left, grid, side="right") / len(left)
    below_right = np.searchsorted(right, grid, side="right") / len(right)
    return float(np.max(np.abs(below_left - below_right)))


def ks_p_value(statistic: float, n_reference: int, n_current: int) -> float:
    """Asymptotic two-sample p-value with Stephens' small-sample correction (Numerical Recipes 14.3)."""
    root = np.sqrt(n_reference * n_current / (n_reference + n_current))
    scaled = (root + 0.12 + 0.11 / root) * statistic
    if (
        scaled < 0.2
    ):  # the series has not converged there, and the probability is 1 to twelve digits
        return 1.0
    k = np.arange(1, SERIES_TERMS + 1)
    return float(np.clip(2 * np.sum((-1.0) ** (k - 1) * np.exp(-2 * (k * scaled) ** 2)), 0, 1))


def ks_critical(alpha: float, n_reference: int, n_current: int) -> float:
    """The gap that chance exceeds with probability alpha at these sizes."""
    return float(
        np.sqrt(-np.log(alpha / 2) / 2 * (n_reference + n_current) / (n_reference * n_current))
    )


def holm(p_values: Floats) -> Floats:
    """Holm's step-down adjustment: reject where <= alpha, and any false rejection has probability <= alpha."""
    order, count = np.argsort(p_values), len(p_values)
    stepped = (
        np.maximum.accumulate((count - np.arange(count)) * p_values[order]) if count else p_values
    )
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def effect_size(reference: Floats, current: Floats) -> float:
    """The larger of two shifts: of the known values, and of the share of unknown ones, each in its own spread."""
    known_reference, known_current = reference[~np.isnan(reference)], current[~np.isnan(current)]
    unknown = np.isnan(reference).mean()
    spread = max(
        np.sqrt(unknown * (1 - unknown)), 0.1
    )  # a share near 0 has no spread to measure by
    of_unknown = abs(np.isnan(current).mean() - unknown) / spread
    if not len(known_reference) or not len(known_current):
        return float(of_unknown)
    return float(
        max(
            of_unknown,
            wasserstein(known_reference, known_current) / _spread(known_reference, known_current),
        )
    )


def wasserstein(left: Floats, right: Floats) -> float:
    """Area between the two distribution functions: how far the mass has to be carried."""
    grid = np.sort(np.concatenate([left, right]))
    at_left = np.searchsorted(np.sort(left), grid[:-1], side="right") / len(left)
    at_right = np.searchsorted(np.sort(right), grid[:-1], side="right") / len(right)
    return float(np.sum(np.abs(at_left - at_right) * np.diff(grid)))


def _ordered(values: Floats) -> Floats:
    return np.where(np.isnan(values), -np.inf, values)


def _spread(reference: Floats, current: Floats) -> float:
    """Robust where the middle half varies, the standard deviation where it does not, the pooled one for a constant."""
    low, high = np.quantile(reference, [0.25, 0.75])
    candidates = (
        (high - low) / NORMAL_IQR,
        np.std(reference),
        np.std(np.concatenate([reference, current])),
        1.0,
    )
    return float(next(value for value in candidates if value > 0))


def _verdict(
    name: str,
    reference: Floats,
    current: Floats,
    statistic: float,
    p_value: float,
    features: int,
    alpha: float,
    floor: float,
) -> FeatureDrift:
    effect = effect_size(reference, current)
    return FeatureDrift(
        feature=name,
        n_reference=len(reference),
        n_current=len(current),
        unknown_reference=float(np.isnan(reference).mean()),
        unknown_current=float(np.isnan(current).mean()),
        statistic=statistic,
        critical=ks_critical(alpha / features, len(reference), len(current)),
        p_value=float(p_value),
        effect=effect,
        drifted=bool(p_value <= alpha and effect >= floor),
    )
