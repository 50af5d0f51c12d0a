"""Compares the distribution of each feature in two samples. Pure numpy: no tables, no models.

A feature has drifted when its shift is significant (Kolmogorov-Smirnov test, adjusted by Holm so
that alpha bounds the chance of any false alarm in a report) and large (the effect is measured in
the reference's spread). Ties and customers who are in both samples make the test conservative.
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
    """The comparison of one feature. NaN values count as unknown.

    `p_value` is adjusted by Holm; `effect` is in units of the reference's spread.
    """

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
    reference: Mapping[str, Floats],
    current: Mapping[str, Floats],
    *,
    alpha: float,
    min_effect: float,
) -> list[FeatureDrift]:
    """The features that are in both samples, worst first.

    `alpha`: chance of any false alarm in the whole report. `min_effect`: smallest shift that counts
    as drift, in units of the reference's spread.
    """
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
        _feature_drift(
            name,
            reference[name],
            current[name],
            statistic=statistic,
            p_value=p_value,
            features=len(names),
            alpha=alpha,
            min_effect=min_effect,
        )
        for name, statistic, p_value in zip(names, statistics, holm(np.array(raw)), strict=True)
    ]
    return sorted(rows, key=lambda row: (row.drifted, row.effect), reverse=True)


def ks_statistic(reference: Floats, current: Floats) -> float:
    """Largest distance between the distribution functions. Unknown values rank below all others."""
    left = np.sort(_unknown_lowest(reference))
    right = np.sort(_unknown_lowest(current))
    grid = np.concatenate([left, right])
    below_left = np.searchsorted(left, grid, side="right") / len(left)
    below_right = np.searchsorted(right, grid, side="right") / len(right)
    return float(np.max(np.abs(below_left - below_right)))


def ks_p_value(statistic: float, n_reference: int, n_current: int) -> float:
    """Asymptotic two-sample p-value with Stephens' correction for small samples.

    Source: Numerical Recipes, section 14.3.
    """
    root = np.sqrt(n_reference * n_current / (n_reference + n_current))
    scaled = (root + 0.12 + 0.11 / root) * statistic
    # Below 0.2 the series has not converged, and the probability is 1 to twelve digits.
    if scaled < 0.2:
        return 1.0
    k = np.arange(1, SERIES_TERMS + 1)
    return float(np.clip(2 * np.sum((-1.0) ** (k - 1) * np.exp(-2 * (k * scaled) ** 2)), 0, 1))


def ks_critical(alpha: float, n_reference: int, n_current: int) -> float:
    """The distance that chance exceeds with probability alpha, for samples of these sizes."""
    return float(
        np.sqrt(-np.log(alpha / 2) / 2 * (n_reference + n_current) / (n_reference * n_current))
    )


def holm(p_values: Floats) -> Floats:
    """p-values after Holm's step-down adjustment.

    If all hypotheses with a value <= alpha are rejected, the probability of any false rejection is
    at most alpha.
    """
    order = np.argsort(p_values)
    count = len(p_values)
    stepped = (
        np.maximum.accumulate((count - np.arange(count)) * p_values[order]) if count else p_values
    )
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def effect_size(reference: Floats, current: Floats) -> float:
    """The larger of two shifts: in the known values, and in the share of unknown values.

    Both are in units of their spread in the reference.
    """
    known_reference = reference[~np.isnan(reference)]
    known_current = current[~np.isnan(current)]
    unknown = np.isnan(reference).mean()
    # The floor is for shares near 0 or 1, whose standard deviation is close to 0.
    spread = max(np.sqrt(unknown * (1 - unknown)), 0.1)
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
    """Wasserstein-1 distance: the area between the two distribution functions."""
    grid = np.sort(np.concatenate([left, right]))
    at_left = np.searchsorted(np.sort(left), grid[:-1], side="right") / len(left)
    at_right = np.searchsorted(np.sort(right), grid[:-1], side="right") / len(right)
    return float(np.sum(np.abs(at_left - at_right) * np.diff(grid)))


def _unknown_lowest(values: Floats) -> Floats:
    return np.where(np.isnan(values), -np.inf, values)


def _spread(reference: Floats, current: Floats) -> float:
    """The first of these that is not 0: scaled interquartile range, standard deviation of the
    reference, standard deviation of both samples together, 1.
    """
    low, high = np.quantile(reference, [0.25, 0.75])
    candidates = (
        (high - low) / NORMAL_IQR,
        np.std(reference),
        np.std(np.concatenate([reference, current])),
        1.0,
    )
    return float(next(value for value in candidates if value > 0))


def _feature_drift(
    name: str,
    reference: Floats,
    current: Floats,
    *,
    statistic: float,
    p_value: float,
    features: int,
    alpha: float,
    min_effect: float,
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
        drifted=bool(p_value <= alpha and effect >= min_effect),
    )
