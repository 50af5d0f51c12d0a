"""Bootstrap by customer: whole customers are drawn again, with all their rows, and the same draw judges every scorer.

One customer's weekly rows are nearly copies; resampling rows would claim several times the evidence there is.
"""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from retention_assets.modeling.evaluation.metrics import Evaluation
from retention_assets.modeling.examples import Floats

# Rounds worked on at once: bounds memory at this many copies of the rows' weights.
CHUNK = 16

Samples = dict[str, dict[str, Floats]]


def customer_draws(customers: NDArray[np.str_], rounds: int, seed: int) -> Iterator[Floats]:
    """Row weights (n, at most CHUNK rounds) of `rounds` draws of all customers with replacement."""
    unique, index = np.unique(customers, return_inverse=True)
    rng = np.random.default_rng(seed)
    for start in range(0, rounds, CHUNK):
        size = min(CHUNK, rounds - start)
        picked = rng.integers(0, len(unique), (len(unique), size)) * size + np.arange(size)
        counts = np.bincount(picked.ravel(), minlength=size * len(unique)).reshape(-1, size)
        yield counts.astype(np.float64)[index]


def resample(
    scorers: Mapping[str, Evaluation], customers: NDArray[np.str_], rounds: int, seed: int
) -> Samples:
    """scorer -> metric -> value in each round; round i drew the same customers for all, so differences are paired."""
    parts: dict[str, list[dict[str, Floats]]] = {name: [] for name in scorers}
    for weights in customer_draws(customers, rounds, seed):
        for name, scorer in scorers.items():
            parts[name].append(scorer.at(weights))
    return {
        name: {key: np.concatenate([p[key] for p in many]) for key in many[0]}
        for name, many in parts.items()
    }


def interval(sample: Floats, alpha: float = 0.05) -> tuple[float, float]:
    """Percentile interval that leaves out alpha in all."""
    low, high = np.quantile(sample, [alpha / 2, 1 - alpha / 2])
    return float(low), float(high)
