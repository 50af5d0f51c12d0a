"""Means over a Beta distribution as short sums. Knows no model."""

import numpy as np

from retention_assets.modeling.examples import Floats

PROBABILITY_NODES = 24


def beta_quadrature(a: float, b: Floats) -> tuple[Floats, Floats]:
    """Nodes and weights, (len(b), nodes), of the mean of a function of p ~ Beta(a, b).

    Golub & Welsch (1969): nodes are eigenvalues of the Jacobi polynomials' recurrence. Weights come
    from the eigenvectors, so that no Beta function can overflow.

    >>> p, weights = beta_quadrature(2.0, np.array([3.0]))
    >>> float((weights * p).sum().round(9))
    0.4
    """
    left = a - 1
    right = np.asarray(b, dtype=np.float64)[:, None] - 1
    n = np.arange(PROBABILITY_NODES)
    total = 2 * n + left + right
    with np.errstate(divide="ignore", invalid="ignore"):
        diagonal = (left**2 - right**2) / (total * (total + 2))
        square = 4 * n * (n + left) * (n + right) * (n + left + right)
        square = square / (total**2 * (total + 1) * (total - 1))
    diagonal[:, 0] = (left - right[:, 0]) / (left + right[:, 0] + 2)
    both = left + right[:, 0]
    square[:, 1] = 4 * (1 + left) * (1 + right[:, 0]) / ((both + 2) ** 2 * (both + 3))
    matrix = np.zeros((len(right), PROBABILITY_NODES, PROBABILITY_NODES))
    matrix[:, n, n] = diagonal
    beside = np.sqrt(square[:, 1:])
    matrix[:, n[:-1], n[1:]] = beside
    matrix[:, n[1:], n[:-1]] = beside
    nodes, vectors = np.linalg.eigh(matrix)
    return np.clip((nodes + 1) / 2, 0.0, 1.0), vectors[:, 0, :] ** 2
