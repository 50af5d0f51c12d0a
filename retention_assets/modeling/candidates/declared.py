"""The candidates, as data. A new one is a line here and a module beside it with `fit(rows, params, seed) -> Fitted`.

Parameters are plain defaults that hold on small and large data; none reweights classes, as probabilities are wanted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retention_assets.modeling.candidates.rows import FitRows, Fitted

# Fixed, not the machine's: sums over threads must not make another machine's model differ.
THREADS = 2


@dataclass(frozen=True)
class Candidate:
    """A kind of model with its parameters. `icons` are the kinds that Dagster shows."""

    name: str
    kind: str
    meaning: str
    icons: tuple[str, ...]
    params: Mapping[str, Any] = field(default_factory=dict)

    def fit(self, rows: "FitRows", seed: int) -> "Fitted":
        """Fits it; the library that it needs is imported here, not when candidates are listed."""
        fit: Callable[..., Fitted] = import_module(
            f"retention_assets.modeling.candidates.{self.kind}"
        ).fit
        return fit(rows, self.params, seed)


CANDIDATES = (
    Candidate(
        "xgboost", "xgboost", "Boosted trees: the strongest on tabular data with unknown values.", ("xgboost", "mlflow"),
        {"rounds": 300, "patience": 30, "eta": 0.05, "max_depth": 5, "min_child_weight": 10.0, "lambda": 5.0},
    ),
    Candidate(
        "random_forest", "random_forest", "Averaged deep trees: robust, hard to overfit.", ("scikitlearn", "mlflow"),
        {"n_estimators": 200, "max_depth": 12, "min_samples_leaf": 20, "max_features": "sqrt", "max_samples": 0.2},
    ),
    Candidate(
        "neural_network", "neural_network", "A small dense network: smooth interactions.", ("tensorflow", "mlflow"),
        {"layers": (32, 16), "epochs": 40, "patience": 4, "batch": 512, "learning_rate": 2e-3, "l2": 1e-4},
    ),
    Candidate(
        "logistic_regression", "logistic_regression", "The baseline that the others have to beat.", ("scikitlearn", "mlflow"),
        {"C": 0.1, "max_iter": 500},
    ),
)  # fmt: skip


def candidate(name: str) -> Candidate:
    """The one of this name; KeyError where there is none."""
    return {item.name: item for item in CANDIDATES}[name]
