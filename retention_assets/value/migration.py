"""How customers moved between segments from one day to another. Numbers in, numbers out.

Everything follows from a contingency table: counts by segment before (row) and after (column).
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


def contingency(moves: Iterable[tuple[str, str, int]], names: Sequence[str]) -> Counts:
    """The table of (before, after, customers), rows and columns in the order of `names`."""
    table = np.zeros((len(names), len(names)), dtype=np.int64)
    for before, after, customers in moves:
        table[names.index(before), names.index(after)] += customers
    return table


def adjusted_rand_index(table: Counts) -> float:
    """Agreement of two partitions of the same customers: 1 if they are equal, about 0 if they agree
    as by chance (Hubert and Arabie 1985, "Comparing partitions", Journal of Classification 2).

    >>> adjusted_rand_index(np.array([[2, 0], [0, 3]]))
    1.0
    """
    pairs_together = _pairs(table)
    pairs_before = _pairs(table.sum(axis=1))
    pairs_after = _pairs(table.sum(axis=0))
    all_pairs = _pairs(table.sum(keepdims=True))
    expected = pairs_before * pairs_after / all_pairs if all_pairs else 0.0
    most = (pairs_before + pairs_after) / 2
    # Both put all customers together, or each alone: nothing is left to chance.
    return 1.0 if most == expected else float((pairs_together - expected) / (most - expected))


def share_moved(table: Counts) -> float:
    """Share of the customers whose segment changed; 0 without customers."""
    customers = int(table.sum())
    return 1.0 - float(np.trace(table)) / customers if customers else 0.0


def _pairs(counts: Counts) -> float:
    """Pairs of customers within the groups."""
    sizes = counts.astype(np.float64)
    return float((sizes * (sizes - 1) / 2).sum())
