"""Plots of a candidate and of the leaderboard. Returns matplotlib figures and writes no files."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from retention_assets.modeling.evaluation.metrics import BINS, PER_ENTITIES
from retention_assets.modeling.examples import Floats
from retention_assets.modeling.utility import Utility
from retention_assets.modeling.words import Words

if TYPE_CHECKING:
    from retention_assets.modeling.promotion.comparison import Comparison
    from retention_assets.modeling.search import SearchResult

SIZE = (10.0, 4.2)
POINTS = 400
WORDS = Words()


def candidate_figure(y: NDArray[np.int8], p: Floats, name: str, words: Words = WORDS) -> Figure:
    """ROC and calibration side by side."""
    figure = Figure(figsize=SIZE)
    left, right = figure.subplots(1, 2)
    roc(left, {name: (y, p)}, words)
    calibration(right, y, p)
    figure.suptitle(f"{name}: {len(y):,} untouched rows, base rate {y.mean():.1%}")
    figure.tight_layout()
    return figure


def leaderboard_figure(comparison: "Comparison") -> Figure:
    """Gain and profit of candidates, champion and ranking baselines by the share acted on."""
    shown = {
        **comparison.candidates,
        "champion": comparison.champion,
        **{name: comparison.baselines[name] for name in comparison.rankings},
    }
    scores = {name: scorer.p for name, scorer in shown.items() if scorer}
    y = comparison.test.y
    utility = comparison.task.utility
    words = comparison.task.words
    figure = Figure(figsize=SIZE)
    left, right = figure.subplots(1, 2)
    gain(left, y, scores, utility, words)
    profit(right, comparison.test.reachable, scores, utility, words)
    figure.tight_layout()
    return figure


def search_figure(result: "SearchResult") -> Figure:
    """Log loss on the folds by trial, and the best one so far."""
    from retention_assets.modeling.search import COMPLETED

    figure = Figure(figsize=SIZE)
    axes = figure.subplots()
    for outcome in dict.fromkeys(trial.outcome for trial in result.trials):
        trials = [trial for trial in result.trials if trial.outcome == outcome]
        losses = [trial.log_loss for trial in trials]
        axes.scatter([trial.number for trial in trials], losses, label=outcome)
        if outcome == COMPLETED:
            best = np.minimum.accumulate(losses)
            axes.step([trial.number for trial in trials], best, where="post", label="best so far")
    axes.set(xlabel="trial (0: declared parameters)", ylabel="log loss on the folds")
    axes.set_title(f"Search of {result.best.name}")
    axes.legend(frameon=False)
    figure.tight_layout()
    return figure


def roc(
    axes: Axes, scorers: Mapping[str, tuple[NDArray[np.int8], Floats]], words: Words = WORDS
) -> None:
    """Share of positives found by the share of negatives flagged."""
    for name, (y, p) in scorers.items():
        ranked = y[np.argsort(-p, kind="stable")]
        kept = _thinned(len(y))
        axes.plot(
            (np.cumsum(1 - ranked) / (1 - ranked).sum())[kept],
            (np.cumsum(ranked) / ranked.sum())[kept],
            label=name,
        )
    axes.plot([0, 1], [0, 1], color="gray", linestyle=":")
    axes.set(xlabel=f"{words.negatives} flagged", ylabel=f"{words.positives} found", title="ROC")
    axes.legend(frameon=False)


def calibration(axes: Axes, y: NDArray[np.int8], p: Floats) -> None:
    """Equal-mass bins with 95 % normal bars; a perfect score lies on the diagonal."""
    bins = [part for part in np.array_split(np.argsort(p, kind="stable"), BINS) if len(part)]
    predicted = np.array([p[part].mean() for part in bins])
    observed = np.array([y[part].mean() for part in bins])
    bars = [
        1.96 * float(np.sqrt(rate * (1 - rate) / len(part)))
        for rate, part in zip(observed, bins, strict=True)
    ]
    axes.errorbar(predicted, observed, yerr=bars, marker="o", capsize=3)
    top = max(float(predicted.max()), float(observed.max()), 0.05) * 1.1
    axes.plot([0, top], [0, top], color="gray", linestyle=":")
    axes.set(xlabel="predicted probability", ylabel="observed rate", title="Calibration")


def gain(
    axes: Axes,
    y: NDArray[np.int8],
    scores: Mapping[str, Floats],
    utility: Utility,
    words: Words = WORDS,
) -> None:
    share = _shares(len(y))
    kept = _thinned(len(y))
    for name, p in scores.items():
        axes.plot(
            share[kept], (np.cumsum(y[np.argsort(-p, kind="stable")]) / y.sum())[kept], label=name
        )
    axes.plot([0, 1], [0, 1], color="gray", linestyle=":")
    axes.axvline(utility.capacity_share, color="gray", linewidth=0.8)
    axes.set(
        xlabel=f"{words.entities} {words.acted_on}, likeliest first",
        ylabel=f"{words.positives} reached",
        title="Gain (line: capacity)",
    )
    axes.legend(frameon=False)


def profit(
    axes: Axes,
    reachable: NDArray[np.int8],
    scores: Mapping[str, Floats],
    utility: Utility,
    words: Words = WORDS,
) -> None:
    """Money by the share acted on. `reachable`: the positives that an action reaches in time."""
    rows = len(reachable)
    share = _shares(rows)
    kept = _thinned(rows)
    for name, p in scores.items():
        positives = np.cumsum(reachable[np.argsort(-p, kind="stable")], dtype=np.float64)
        money = utility.value(positives, np.arange(1.0, rows + 1))
        axes.plot(share[kept], (money / rows * PER_ENTITIES)[kept], label=name)
    axes.axhline(0, color="gray", linestyle=":")
    axes.axvline(utility.capacity_share, color="gray", linewidth=0.8)
    axes.set(
        xlabel=f"{words.entities} {words.acted_on}, likeliest first",
        ylabel=f"per 1000 {words.entities}",
        title="Assumed profit (line: capacity)",
    )


def _shares(n: int) -> Floats:
    return np.arange(1, n + 1) / n


def _thinned(n: int) -> NDArray[np.int64]:
    """Indices of at most POINTS rows, evenly spaced, for a curve."""
    return np.unique(np.linspace(0, n - 1, min(n, POINTS)).astype(np.int64))
