"""Pictures of the decisions stage."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def risk_histogram(
    probabilities: list[float], bounds: dict[str, float], threshold: float
) -> "Figure":
    """Histogram of the churn probabilities, with the lower bounds of the risk levels."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.2))
    axes = figure.subplots()
    axes.hist(probabilities, bins=40, range=(0.0, 1.0), color="#4c72b0")
    for level, bound in bounds.items():
        axes.axvline(bound, color="#c44e52", linewidth=1, linestyle=":")
        axes.text(
            bound, 1.01, level, transform=axes.get_xaxis_transform(), fontsize=8, color="#c44e52"
        )
    axes.axvline(threshold, color="black", linewidth=1)
    axes.text(threshold, 0.94, " threshold", transform=axes.get_xaxis_transform(), fontsize=8)
    axes.set_xlabel("probability of churn")
    axes.set_ylabel("customers")
    axes.set_xlim(0.0, 1.0)
    return figure
