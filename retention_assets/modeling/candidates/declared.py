"""The candidates, as data. A new one is a row here, and a module beside it with the row's `fit`.

Parameters are plain defaults that work on small and large data, and where a search begins; none
reweights classes, because the scores are probabilities. A module imports its library inside `fit`,
so that listing the candidates stays quick.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from retention_assets.modeling.candidates import (
    logistic_regression,
    neural_network,
    random_forest,
    xgboost,
)
from retention_assets.modeling.candidates.rows import FitRows, Fitted
from retention_assets.modeling.candidates.space import Choice, Range, Space

Fit = Callable[[FitRows, Mapping[str, Any], int], Fitted]


@dataclass(frozen=True)
class Candidate:
    """A model with its parameters. `fit` takes rows, parameters and a seed.

    `kind` names the file format that serving reads; `icons` are the kinds that Dagster shows.
    `space`: what a search may try for which parameter; the others keep their declared value, or
    that of `trial_params` during the search, which saves time where it hardly changes which set of
    parameters is best.
    """

    name: str
    kind: str
    fit: Fit
    meaning: str = ""
    icons: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    space: Space = field(default_factory=dict)
    trial_params: Mapping[str, Any] = field(default_factory=dict)


CANDIDATES = (
    Candidate(
        "xgboost",
        "xgboost",
        xgboost.fit,
        "Boosted trees: the strongest on tabular data with unknown values.",
        ("xgboost", "mlflow"),
        {
            "rounds": 300,
            "patience": 30,
            "eta": 0.05,
            "max_depth": 3,
            "min_child_weight": 10.0,
            "lambda": 5.0,
            "subsample": 0.7,
            "colsample_bytree": 0.6,
        },
        {
            "eta": Range(0.03, 0.2, log=True),
            "max_depth": Range(1, 8, whole=True),
            "min_child_weight": Range(1, 100, log=True),
            "lambda": Range(0.1, 50, log=True),
            "subsample": Range(0.5, 1),
            "colsample_bytree": Range(0.3, 1),
        },
    ),
    Candidate(
        "random_forest",
        "random_forest",
        random_forest.fit,
        "Averaged deep trees: robust, hard to overfit.",
        ("scikitlearn", "mlflow"),
        {
            "n_estimators": 100,
            "max_depth": 12,
            "min_samples_leaf": 20,
            "max_features": "sqrt",
            "max_samples": 0.2,
        },
        {
            "max_depth": Range(4, 20, whole=True),
            "min_samples_leaf": Range(5, 200, log=True, whole=True),
            "max_features": Choice(("sqrt", 0.3, 0.6)),
            "max_samples": Range(0.1, 0.8),
        },
        {"n_estimators": 50},
    ),
    Candidate(
        "neural_network",
        "neural_network",
        neural_network.fit,
        "A small dense network: smooth interactions.",
        ("tensorflow", "mlflow"),
        {
            "layers": (32, 16),
            "epochs": 40,
            "patience": 4,
            "batch": 512,
            "learning_rate": 2e-3,
            "l2": 1e-4,
        },
        {
            "layers": Choice(((32, 16), (16,), (64, 32))),
            "learning_rate": Range(5e-4, 1e-2, log=True),
            "l2": Range(1e-6, 1e-2, log=True),
        },
    ),
    Candidate(
        "logistic_regression",
        "logistic_regression",
        logistic_regression.fit,
        "The simple model that the others have to beat.",
        ("scikitlearn", "mlflow"),
        {"C": 0.1, "max_iter": 500},
        {"C": Range(1e-3, 10, log=True)},
    ),
)


def candidate(name: str) -> Candidate:
    """The candidate of this name; KeyError where there is none."""
    return {item.name: item for item in CANDIDATES}[name]
