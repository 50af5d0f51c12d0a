"""Pictures of a candidate and of the leaderboard. Figures in, no files: matplotlib without a display."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from retention_assets.modeling.evaluation.baselines import RECENCY_ONLY
from retention_assets.modeling.evaluation.metrics import BINS, PER_CUSTOMERS, Economics
from retention_assets.modeling.examples import Floats

if TYPE_CHECKING:
    from retention_assets.modeling.promotion.comparison import Contest

SIZE = (10.0, 4.2)
POINTS = 400


def candidate_figure(y: NDArray[np.int8], p: Floats, name: str) -> Figure:
    """ROC and calibration side by side."""
    figure = Figure(figsize=SIZE)
    left, right = figure.subplots(1, 2)
    roc(left, {name: (y, p)})
    calibration(right, y, p)
    figure.suptitle(f"{name}: {len(y):,} untouched rows, base rate {y.mean():.1%}")
    figure.tight_layout()
    return figure


def leaderboard_figure(contest: "Contest") -> Figure:
    """Gain and profit of the candidates, and of recency and today's champion beside them, by the share contacted."""
    shown = {
        **contest.candidates,
        "champion": contest.champion,
        RECENCY_ONLY: contest.baselines.get(RECENCY_ONLY),
    }
    scores = {name: scorer.p for name, scorer in shown.items() if scorer}
    y, economics = contest.test.y, contest.candidates[contest.challenger].economics
    figure = Figure(figsize=SIZE)
    left, right = figure.subplots(1, 2)
    gain(left, y, scores, economics)
    profit(right, y, scores, economics)
    figure.tight_layout()
    return figure


def roc(axes: Axes, scorers: Mapping[str, tuple[NDArray[np.int8], Floats]]) -> None:
    for name, (y, p) in scorers.items():
        ranked = y[np.argsort(-p, kind="stable")]
        kept = _thinned(len(y))
        axes.plot(
            (np.cumsum(1 - ranked) / (1 - ranked).sum())[kept],
            (np.cumsum(ranked) / ranked.sum())[kept],
            label=name,
        )
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":")
    axes.set(xlabel="stayers flagged", ylabel="churners found", title="ROC")
    axes.legend(frameon=False)


def calibration(axes: Axes, y: NDArray[np.int8], p: Floats) -> None:
    """Equal-mass bins with 95 % normal bars; the diagonal is truth."""
    bins = [part for part in np.array_split(np.argsort(p, kind="stable"), BINS) if len(part)]
    said, seen = (
        np.array([p[part].mean() for part in bins]),
        np.array([y[part].mean() for part in bins]),
    )
    bars = [
        1.96 * float(np.sqrt(rate * (1 - rate) / len(part)))
        for rate, part in zip(seen, bins, strict=True)
    ]
    axes.errorbar(said, seen, yerr=bars, marker="o", capsize=3)
    top = max(float(said.max()), float(seen.max()), 0.05) * 1.1
    axes.plot([0, top], [0, top], color="grey", linestyle=":")
    axes.set(xlabel="probability said", ylabel="churn rate seen", title="Calibration")


def gain(
    axes: Axes, y: NDArray[np.int8], scores: Mapping[str, Floats], economics: Economics
) -> None:
    share, kept = _shares(len(y)), _thinned(len(y))
    for name, p in scores.items():
        axes.plot(
            share[kept], (np.cumsum(y[np.argsort(-p, kind="stable")]) / y.sum())[kept], label=name
        )
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":")
    axes.axvline(economics.capacity_share, color="grey", linewidth=0.8)
    axes.set(
        xlabel="customers contacted, likeliest first",
        ylabel="churners reached",
        title="Gain (line: capacity)",
    )
    axes.legend(frameon=False)


def profit(
    axes: Axes, y: NDArray[np.int8], scores: Mapping[str, Floats], economics: Economics
) -> None:
    share, kept = _shares(len(y)), _thinned(len(y))
    for name, p in scores.items():
        money = (
            economics.save_rate * economics.saved_margin * y[np.argsort(-p, kind="stable")]
            - economics.contact_cost
        )
        axes.plot(share[kept], (np.cumsum(money) / len(y) * PER_CUSTOMERS)[kept], label=name)
    axes.axhline(0, color="grey", linestyle=":")
    axes.axvline(economics.capacity_share, color="grey", linewidth=0.8)
    axes.set(
        xlabel="customers contacted, likeliest first",
        ylabel="per 1000 customers",
        title="Profit (line: capacity)",
    )


def _shares(n: int) -> Floats:
    return np.arange(1, n + 1) / n


def _thinned(n: int) -> NDArray[np.int64]:
    """Enough points for a curve."""
    return np.unique(np.linspace(0, n - 1, min(n, POINTS)).astype(np.int64))
