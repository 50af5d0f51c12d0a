"""The pictures of the customer segments: a treemap of their sizes, and a matrix of moves."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from retention_assets.value.migration import Counts

Rectangle = tuple[float, float, float, float]  # left, bottom, width, height
MAP_WIDTH = 16.0
MAP_HEIGHT = 9.0
SMALLEST_LABELED = 0.025  # a smaller area has no room for a text: it is named below the map


def treemap(sizes: Mapping[str, int], rates: Mapping[str, float | None]) -> Figure:
    """An area per segment, as large as its share of all customers; darker where more left.

    `rates`: the churn rate of each segment; None where nobody can leave or nothing is known.
    """
    shown = sorted(
        ((size, name) for name, size in sizes.items() if size), key=lambda pair: (-pair[0], pair[1])
    )
    total = sum(size for size, _ in shown)
    figure = Figure(figsize=(9, 5.2))
    axes = figure.add_subplot(xlim=(0, MAP_WIDTH), ylim=(0, MAP_HEIGHT), xticks=[], yticks=[])
    known = [rate for rate in rates.values() if rate is not None]
    darkest = max([*known, 0.01])
    areas = squarified([size for size, _ in shown], MAP_WIDTH, MAP_HEIGHT)
    small = []
    for (size, name), (left, bottom, width, height) in zip(shown, areas, strict=True):
        rate = rates.get(name)
        color = "#d9d9d9" if rate is None else colormaps["OrRd"](0.1 + 0.6 * rate / darkest)
        axes.bar(
            left, height, width, bottom, align="edge", color=color, edgecolor="white", linewidth=2
        )
        facts = [name.replace("_", " "), f"{size / total:.1%}"]
        facts += [] if rate is None else [f"churn {rate:.0%}"]
        if size / total < SMALLEST_LABELED:
            small.append(" ".join(facts))
            continue
        x = left + width / 2
        y = bottom + height / 2
        axes.text(x, y, "\n".join(facts), fontsize=8, ha="center", va="center")
    axes.set_xlabel("without a label: " + "; ".join(small) if small else "", fontsize=8)
    axes.set_title("Segments by share of customers; darker: more members left (gray: no rate)")
    return figure


def squarified(sizes: Sequence[float], width: float, height: float) -> list[Rectangle]:
    """A rectangle per size, which descend, that together fill `width` times `height`, each as close
    to a square as its row allows (Bruls, Huizing and van Wijk 2000, "Squarified treemaps").

    >>> squarified([3, 1], 4, 1)
    [(0.0, 0.0, 3.0, 1.0), (3.0, 0.0, 1.0, 1.0)]
    """
    total = sum(sizes)
    remaining = [size * width * height / total for size in sizes]
    rectangles: list[Rectangle] = []
    left = 0.0
    bottom = 0.0
    while remaining:
        short = min(width, height)
        count = 1
        while count < len(remaining) and _worst(remaining[: count + 1], short) <= _worst(
            remaining[:count], short
        ):
            count += 1
        row = remaining[:count]
        remaining = remaining[count:]
        depth = sum(row) / short
        offset = 0.0
        for area in row:
            length = area / depth
            if width >= height:
                rectangles.append((left, bottom + offset, depth, length))
            else:
                rectangles.append((left + offset, bottom, length, depth))
            offset += length
        if width >= height:
            left += depth
            width -= depth
        else:
            bottom += depth
            height -= depth
    return rectangles


def _worst(row: Sequence[float], short: float) -> float:
    """The largest ratio of sides in a row of these areas along a side of this length."""
    depth = sum(row) / short
    return max(max(area / depth**2, depth**2 / area) for area in row)


def migration_matrix(table: Counts, names: Sequence[str], days: int) -> Figure:
    """Where the members of each segment are `days` later: shares of each row, counts as text."""
    members = table.sum(axis=1, keepdims=True)
    shares = np.divide(table, members, out=np.zeros(table.shape), where=members > 0)
    figure = Figure(figsize=(9, 6.5))
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto")
    labels = [name.replace("_", " ") for name in names]
    axes.set_xticks(range(len(names)), labels, rotation=45, ha="right")
    axes.set_yticks(range(len(names)), labels)
    for row, column in zip(*np.nonzero(table), strict=True):
        color = "white" if shares[row, column] > 0.5 else "black"
        axes.text(
            column,
            row,
            f"{table[row, column]:,}",
            fontsize=7,
            ha="center",
            va="center",
            color=color,
        )
    axes.set_xlabel("segment now")
    axes.set_ylabel(f"segment {days} days ago")
    axes.set_title("Customers by segment then and now")
    figure.colorbar(image, ax=axes, label="share of the row")
    return figure
