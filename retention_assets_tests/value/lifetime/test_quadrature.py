"""Means under a Beta distribution agree with closed forms, for its extremes too."""

import numpy as np

from retention_assets.value.lifetime.quadrature import beta_quadrature


def test_quadrature_integrates_powers_exactly() -> None:
    """The mean of p^2 under Beta(a, b) is a (a + 1) / ((a + b) (a + b + 1))."""
    b = np.array([0.3, 2.0, 5000.0])
    nodes, weights = beta_quadrature(0.4, b)
    exact = 0.4 * 1.4 / ((0.4 + b) * (1.4 + b))
    np.testing.assert_allclose((weights * nodes**2).sum(axis=1), exact, rtol=1e-9)
