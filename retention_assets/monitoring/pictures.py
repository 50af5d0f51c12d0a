"""The heat map of a drift report. What counts as drift is decided in drift.py."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from retention_assets.monitoring.drift import FeatureDrift

PARTS = 10
MOST_FEATURES = 30


def heat_map(
    rows: Sequence[FeatureDrift],
    reference: Mapping[str, NDArray[np.float64]],
    current: Mapping[str, NDArray[np.float64]],
) -> Figure:
    """One row per feature, worst on top, and one column per tenth of the reference.

    The color is the share of current customers in that tenth, less the share in training.
    """
    shown = rows[:MOST_FEATURES]
    shares = np.array(
        [share_by_tenth(reference[row.feature], current[row.feature]) for row in shown]
    ).reshape(-1, PARTS + 1)
    figure = Figure(figsize=(9, 1.5 + 0.28 * max(len(shown), 3)))
    axes = figure.add_subplot()
    image = axes.imshow(
        shares - shares_expected(shown, reference),
        cmap="RdBu_r",
        vmin=-0.2,
        vmax=0.2,
        aspect="auto",
    )
    labels = [
        f"{row.feature}  {row.effect:.2f}{'  drifted' if row.drifted else ''}" for row in shown
    ]
    axes.set_yticks(range(len(shown)), labels)
    axes.set_xticks(
        range(PARTS + 1),
        [f"{10 * part}-{10 * part + 10} %" for part in range(PARTS)] + ["unknown"],
        rotation=45,
    )
    axes.set_xlabel("tenths of the champion's training reference, lowest values first")
    axes.set_title("Share of customers now, less their share in training (effect beside the name)")
    figure.colorbar(image, ax=axes, label="difference of shares")
    return figure


def share_by_tenth(
    reference: NDArray[np.float64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Shares of `values` in each tenth of the reference, then the share of unknown values.

    Where edges are tied, the later tenths are empty.
    """
    known = reference[~np.isnan(reference)]
    if not len(known) or not len(values):
        return np.append(np.zeros(PARTS), 1.0)
    edges = np.quantile(known, np.linspace(0, 1, PARTS + 1)[1:-1])
    part = np.where(np.isnan(values), PARTS, np.searchsorted(edges, values, side="left"))
    return np.bincount(part, minlength=PARTS + 1) / len(values)


def shares_expected(
    rows: Sequence[FeatureDrift], reference: Mapping[str, NDArray[np.float64]]
) -> NDArray[np.float64]:
    return np.array(
        [share_by_tenth(reference[row.feature], reference[row.feature]) for row in rows]
    ).reshape(-1, PARTS + 1)
