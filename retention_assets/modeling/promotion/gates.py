"""What a challenger must show before it becomes champion. Each gate is one function from evidence to figures and a yes or no.

Money decides; the other gates can only stop. Intervals are paired, by customer, and corrected for how many things were
tried: the winner of four candidates is the luckiest of four.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retention_assets.modeling.evaluation.baselines import RECENCY_ONLY
from retention_assets.modeling.evaluation.intervals import interval
from retention_assets.modeling.evaluation.leaderboard import Standing
from retention_assets.modeling.examples import Bools, Floats

ALPHA = 0.05
# One-sided 0.9995 normal quantile: on pure noise a ranking passes once in 2000 times.
SIGNAL_Z = 3.29
# Mean distance of scores from observed rates that a capacity decision can bear; the prevalence itself moves by as much
# between a training and a test period.
MAX_ECE = 0.10
MIN_SLICE_SHARE = 0.1
MIN_SLICE_CHURNERS = 50
CHAMPION = "champion"


@dataclass(frozen=True)
class Evidence:
    """All that the gates look at. `rivals`: baselines in `standing`; the champion is in it under "champion", if any."""

    challenger: str
    candidates: int
    standing: Standing
    rivals: tuple[str, ...]
    has_champion: bool
    slice_differences: Mapping[str, tuple[float, Floats]]
    latency_ms: float
    max_latency_ms: float
    digest: str
    has_signature: bool


@dataclass(frozen=True)
class Gate:
    """A gate's answer. `figures` are what it was decided on."""

    name: str
    passed: bool
    reason: str
    figures: dict[str, Any]


def better_than_champion(seen: Evidence) -> Gate:
    """More money than today's champion on the same rows; the whole interval lies above zero."""
    if not seen.has_champion:
        return Gate(
            "better_than_champion",
            True,
            "No champion to compare with; the trivial baselines are the measure.",
            {"champion": None},
        )
    return _more_money("better_than_champion", seen, [CHAMPION])


def better_than_trivial_baselines(seen: Evidence) -> Gate:
    """Surely more money than contacting nobody or anybody; against recency alone, more money and surely better probabilities.

    Recency is a ranking itself. Where its first customers are plain cases, every good ranking begins with them, and money at
    one capacity cannot tell two apart, however many customers there are; the probabilities of all customers can.
    """
    name = "better_than_trivial_baselines"
    money = _more_money(name, seen, [rival for rival in seen.rivals if rival != RECENCY_ONLY])
    if RECENCY_ONLY not in seen.rivals:
        return money
    more, sample = seen.standing.difference("profit", seen.challenger, RECENCY_ONLY)
    brier, brier_sample = seen.standing.difference("brier", seen.challenger, RECENCY_ONLY)
    (low, high), (_, brier_high) = (
        interval(each, ALPHA / seen.candidates) for each in (sample, brier_sample)
    )
    figures = {
        "profit_difference": more,
        "low": low,
        "high": high,
        "brier_difference": brier,
        "brier_high": brier_high,
    }
    reason = f"{money.reason} {more:+.0f} [{low:.0f}, {high:.0f}] and Brier {brier:+.4f} [at most {brier_high:+.4f}] against recency."
    return Gate(
        name,
        money.passed and more > 0 and brier_high < 0,
        reason,
        money.figures | {RECENCY_ONLY: figures},
    )


def has_signal(seen: Evidence) -> Gate:
    """Ranks better than chance, beyond what the luckiest of pure noise would show."""
    auc, sample = (
        seen.standing.points[seen.challenger]["auc"],
        seen.standing.samples[seen.challenger]["auc"],
    )
    low = auc - SIGNAL_Z * float(sample.std())
    reason = f"AUC {auc:.3f}, surely above {low:.3f}; chance is .5."
    return Gate("has_signal", low > 0.5, reason, {"auc": auc, "surely_above": low})


def calibrated(seen: Evidence) -> Gate:
    """Probabilities mean what they say: ECE not beyond the limit, nor surely worse than the champion's or a constant's Brier."""
    ece, sample = (
        seen.standing.points[seen.challenger]["ece"],
        seen.standing.samples[seen.challenger]["ece"],
    )
    against = CHAMPION if seen.has_champion else "everybody"
    worse, worse_sample = seen.standing.difference("brier", seen.challenger, against)
    low, _ = interval(worse_sample)
    ece_low, _ = interval(sample)
    passed = min(ece, ece_low) <= MAX_ECE and low <= 0
    figures = {
        "ece": ece,
        "max_ece": MAX_ECE,
        "brier_difference": worse,
        "brier_difference_low": low,
        "against": against,
    }
    return Gate(
        "calibrated",
        passed,
        f"ECE {ece:.3f} (limit {MAX_ECE}), Brier {worse:+.4f} against {against}.",
        figures,
    )


def no_worse_on_large_slices(seen: Evidence) -> Gate:
    """On no large group of customers is the Brier score surely worse than the champion's (or a constant's)."""
    alpha = ALPHA / max(len(seen.slice_differences), 1)
    figures = {}
    for name, (difference, sample) in seen.slice_differences.items():
        figures[name] = {"brier_difference": difference, "low": interval(sample, alpha)[0]}
    worse = [name for name, figure in figures.items() if figure["low"] > 0]
    reason = (
        f"Surely worse on {', '.join(worse)}."
        if worse
        else f"Surely worse on none of {len(figures)} slices."
    )
    return Gate("no_worse_on_large_slices", not worse, reason, figures)


def fast_enough(seen: Evidence) -> Gate:
    """One customer, explained, within the time of a prediction."""
    figures = {"p95_ms": seen.latency_ms, "max_ms": seen.max_latency_ms}
    reason = f"p95 {seen.latency_ms:.1f} ms for one customer (limit {seen.max_latency_ms:.0f} ms)."
    return Gate("fast_enough", seen.latency_ms <= seen.max_latency_ms, reason, figures)


def signed(seen: Evidence) -> Gate:
    """Input signature logged, and the files are those whose digest was taken."""
    figures = {"digest": seen.digest, "signature": seen.has_signature}
    passed = bool(seen.digest) and seen.has_signature
    return Gate(
        "signed",
        passed,
        "Signature and digest are there." if passed else "Signature or digest is missing.",
        figures,
    )


GATES: tuple[Callable[[Evidence], Gate], ...] = (
    better_than_champion,
    better_than_trivial_baselines,
    has_signal,
    calibrated,
    no_worse_on_large_slices,
    fast_enough,
    signed,
)


def judge(seen: Evidence) -> list[Gate]:
    return [gate(seen) for gate in GATES]


def _more_money(name: str, seen: Evidence, rivals: list[str]) -> Gate:
    """The lower end of the paired difference is above zero against each, at a level shared among the candidates tried."""
    figures, beaten = {}, True
    for rival in rivals:
        difference, sample = seen.standing.difference("profit", seen.challenger, rival)
        low, high = interval(sample, ALPHA / seen.candidates)
        figures[rival] = {"profit_difference": difference, "low": low, "high": high}
        beaten &= low > 0
    closest = min(figures, key=lambda rival: figures[rival]["low"])
    at = figures[closest]
    reason = f"{at['profit_difference']:+.0f} [{at['low']:.0f}, {at['high']:.0f}] per 1000 customers against {closest}."
    return Gate(name, beaten, reason, figures)


def large_slices(features: tuple[str, ...], X: Floats, y: NDArray[np.int8]) -> dict[str, Bools]:
    """Groups of customers worth a look of their own, as far as the features tell them: new and old, and each 0/1 feature."""
    slices: dict[str, Bools] = {}
    for at, name in enumerate(features):
        column = X[:, at]
        if name in ("tenure_days", "recency_days", "total_revenue"):
            middle = np.nanmedian(column) if not np.isnan(column).all() else np.nan
            slices |= {f"{name} low": column <= middle, f"{name} high": column > middle}
        elif set(np.unique(column[~np.isnan(column)])) == {0.0, 1.0}:
            slices[name] = column == 1.0
    return {
        name: rows
        for name, rows in slices.items()
        if rows.mean() >= MIN_SLICE_SHARE and y[rows].sum() >= MIN_SLICE_CHURNERS
    }
