"""Bootstrap by entity: entities are drawn with all their rows, the same draws for each scorer.

Rows of one entity are similar, so resampling single rows would give intervals that are too narrow.
"""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from retention_assets.modeling.evaluation.metrics import Evaluation
from retention_assets.modeling.examples import Floats

# Rounds drawn at once. The draws of a seed depend on it.
CHUNK = 16

Samples = dict[str, dict[str, Floats]]


def entity_draws(entities: int, rounds: int, seed: int) -> Iterator[Floats]:
    """How often each entity is drawn, (entities, at most CHUNK rounds), with replacement."""
    rng = np.random.default_rng(seed)
    for start in range(0, rounds, CHUNK):
        size = min(CHUNK, rounds - start)
        picked = rng.integers(0, entities, (entities, size)) * size + np.arange(size)
        counts = np.bincount(picked.ravel(), minlength=size * entities).reshape(-1, size)
        yield counts.astype(np.float64)


def resample(
    scorers: Mapping[str, Evaluation], entities: NDArray[np.str_], rounds: int, seed: int
) -> Samples:
    """scorer -> metric -> value in each round. All scorers share a draw: differences are paired."""
    unique, entity = np.unique(entities, return_inverse=True)
    metrics = {name: scorer.by_entity(entity, len(unique)) for name, scorer in scorers.items()}
    parts: dict[str, list[dict[str, Floats]]] = {name: [] for name in scorers}
    for counts in entity_draws(len(unique), rounds, seed):
        for name, scorer in metrics.items():
            parts[name].append(scorer.at(counts))
    return {
        name: {key: np.concatenate([part[key] for part in chunks]) for key in chunks[0]}
        for name, chunks in parts.items()
    }


def standard_error(
    scorer: Evaluation, entities: NDArray[np.str_], metric: str, rounds: int, seed: int
) -> float:
    """Standard deviation of the metric from one draw of entities to the next."""
    samples = resample({"": scorer}, entities, rounds, seed)
    return float(samples[""][metric].std())


def interval(sample: Floats, alpha: float = 0.05) -> tuple[float, float]:
    """Percentile interval that leaves out alpha in all."""
    low, high = np.quantile(sample, [alpha / 2, 1 - alpha / 2])
    return float(low), float(high)


def without_bias(point: float, sample: Floats, alpha: float) -> tuple[float, float, float]:
    """A figure that noise makes greater, such as a sum of squares, and its interval, without what
    noise adds: as much as resampling adds to the point (Efron and Tibshirani 1993, chapter 10).
    """
    added = float(sample.mean()) - point
    low, high = interval(sample, alpha)
    return point - added, low - 2 * added, high - 2 * added
