"""The search of parameters beside a grid search, on the same examples and folds.

The grid is the one that this project's first description asked for: 81 sets of parameters for
boosted trees, 81 for a random forest and 27 for a network, each fitted on every fold. A random
share of it is fitted, and the time of the whole grid is extrapolated from its mean fit. Both are
compared by their best log loss on all rows of the folds, calibrated in the same way, and by the
log loss of that recipe on the untouched weeks. So is a blend of all candidates. Reads the examples
of a home that has been filled by `retention run`. Usage:
`python benchmarks/search.py [SHARE_OF_CUSTOMERS]`.
"""

import itertools
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from deltalake import DeltaTable
from report import publish

from retention_assets import keys
from retention_assets.modeling.calibration import cross_calibrated
from retention_assets.modeling.candidates.declared import CANDIDATES, Candidate
from retention_assets.modeling.candidates.rows import Preprocess
from retention_assets.modeling.evaluation.candidate_evaluation import fold_means
from retention_assets.modeling.evaluation.metrics import Evaluation
from retention_assets.modeling.examples import Bools, Examples
from retention_assets.modeling.pipeline import evaluate_fold, fit_model
from retention_assets.modeling.search import search
from retention_assets.modeling.splits import Fold, TrainTestSplit, calibration_parts, hash_share
from retention_assets.modeling.task import Task
from retention_assets.platform import Platform
from retention_assets.settings import Settings
from retention_assets.training.task import churn_examples, churn_split, churn_task

GRIDS: dict[str, dict[str, list[Any]]] = {
    "xgboost": {
        "n_estimators": [100, 200, 300],
        "max_depth": [6, 8, 10],
        "learning_rate": [0.01, 0.1, 0.2],
        "subsample": [0.8, 0.9, 1.0],
    },
    "random_forest": {
        "n_estimators": [100, 200, 300],
        "max_depth": [10, 15, 20],
        "min_samples_split": [2, 5, 10],
        "min_samples_leaf": [1, 2, 4],
    },
    "neural_network": {
        "hidden_layer_sizes": [(100,), (200,), (100, 50)],
        "alpha": [0.001, 0.01, 0.1],
        "learning_rate_init": [0.001, 0.01, 0.1],
    },
}
FITTED_SHARE = 1 / 9
SEED = 3


def model_of(name: str, params: Mapping[str, Any]) -> Any:
    """An estimator of the description, untrained."""
    if name == "xgboost":
        from xgboost import XGBClassifier

        return XGBClassifier(random_state=42, n_jobs=2, **params)
    if name == "random_forest":
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(random_state=42, n_jobs=2, **params)
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier(random_state=42, **params)


def fitted_scores(name: str, params: Mapping[str, Any], train: Examples, test: Examples) -> Any:
    """The estimator's probabilities for `test`; unknown values are filled, as it takes none."""
    steps = Preprocess.of(train.X)
    model = model_of(name, params).fit(steps.apply(train.X), train.y)
    return model.predict_proba(steps.apply(test.X))[:, 1]


def log_loss(test: Examples, raw: Any, task: Task) -> float:
    """Of the scores, calibrated by the rows of other customers."""
    parts = calibration_parts(test.entities)
    p = cross_calibrated(raw.astype(np.float64), test.y, parts, test.weights)
    return Evaluation.of(test, p, task.utility).point()["log_loss"]


def grid_fold(
    name: str, params: Mapping[str, Any], data: Examples, fold: Fold, task: Task
) -> dict[str, float]:
    """As `evaluate_fold`, for an estimator of the grid."""
    valid = data.take(fold.valid)
    raw = fitted_scores(name, params, data.take(fold.train), valid)
    return {"rows": len(valid), "log_loss": log_loss(valid, raw, task)}


def run_grid(data: Examples, split: TrainTestSplit, task: Task) -> dict[str, Any]:
    """Fits a share of the grid; its time is that of the whole grid."""
    rng = np.random.default_rng(SEED)
    results = []
    seconds = 0.0
    for name, grid in GRIDS.items():
        combinations = [
            dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())
        ]
        count = max(1, round(len(combinations) * FITTED_SHARE))
        started = time.perf_counter()
        for at in rng.choice(len(combinations), count, replace=False):
            params = combinations[at]
            folds = [grid_fold(name, params, data, fold, task) for fold in split.folds]
            results.append((fold_means(folds)["log_loss"], name, params))
        seconds += (time.perf_counter() - started) / count * len(combinations)
    best, name, params = min(results, key=lambda result: result[0])
    train = data.take(split.train)
    test = data.take(split.test)
    raw = fitted_scores(name, params, train, test)
    return {
        "search": f"grid ({len(results)} of 189 sets fitted)",
        "best": name,
        "folds_log_loss": round(best, 5),
        "test_log_loss": round(log_loss(test, raw, task), 5),
        "seconds": round(seconds, 1),
    }


def run_search(
    data: Examples, split: TrainTestSplit, task: Task
) -> tuple[dict[str, Any], list[Candidate]]:
    """Searches every candidate; its time includes the best sets' fits on all rows of the folds. The
    row, and each candidate with its best set.
    """
    results = []
    trials = 0
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for candidate in CANDIDATES:
            journal = Path(folder) / f"{candidate.name}.log"
            result = search(candidate, data, split.folds, task, journal=journal)
            folds = [evaluate_fold(result.best, data, fold, task) for fold in split.folds]
            results.append((fold_means(folds)["log_loss"], result.best))
            trials += max(len(result.trials), 1)
    seconds = time.perf_counter() - started
    best, recipe = min(results, key=lambda result: result[0])
    test = data.take(split.test)
    raw = fit_model(recipe, data, split.train, task.seed, task.words).raw(test.X)
    row = {
        "search": f"{trials} trials" if trials > len(CANDIDATES) else "declared parameters",
        "best": recipe.name,
        "folds_log_loss": round(best, 5),
        "test_log_loss": round(log_loss(test, raw, task), 5),
        "seconds": round(seconds, 1),
    }
    return row, [recipe for _, recipe in results]


def run_blend(
    recipes: Sequence[Candidate], data: Examples, split: TrainTestSplit, task: Task
) -> dict[str, Any]:
    """The mean of the recipes' log odds. Its time is that of one such model in each fold."""

    def blended(train: Bools, rows: Examples) -> Any:
        odds = []
        for recipe in recipes:
            model = fit_model(recipe, data, train, task.seed, task.words)
            p = np.clip(model.probabilities(rows.X), 1e-6, 1 - 1e-6)
            odds.append(np.log(p / (1 - p)))
        return 1 / (1 + np.exp(-np.mean(odds, axis=0)))

    started = time.perf_counter()
    folds = []
    for fold in split.folds:
        valid = data.take(fold.valid)
        raw = blended(fold.train, valid)
        folds.append({"rows": len(valid), "log_loss": log_loss(valid, raw, task)})
    seconds = time.perf_counter() - started
    test = data.take(split.test)
    return {
        "search": "none: all searched candidates blended",
        "best": "blend",
        "folds_log_loss": round(fold_means(folds)["log_loss"], 5),
        "test_log_loss": round(log_loss(test, blended(split.train, test), task), 5),
        "seconds": round(seconds, 1),
    }


def main(share: float = 1.0) -> None:
    settings = Settings()
    platform = Platform.of(settings)
    task = churn_task(settings, platform.profile)
    path = f"{settings.lake_root}/{keys.CHURN_EXAMPLES}"
    if not DeltaTable.is_deltatable(path):
        raise SystemExit(f"{settings.home} has no examples. Fix: run `retention run` first.")
    data = churn_examples(DeltaTable(path).to_pyarrow_table())
    data = data.take(hash_share(data.entities, "benchmark") < share)
    split = churn_split(data, task)
    declared = replace(task, search=replace(task.search, trials=1))
    searched, recipes = run_search(data, split, task)
    rows = [
        searched,
        run_search(data, split, declared)[0],
        run_blend(recipes, data, split, task),
        run_grid(data, split, task),
    ]
    grid = rows[-1]["seconds"]
    publish(
        __file__,
        [row | {"share_of_grids_time": round(row["seconds"] / grid, 4)} for row in rows],
        {
            "source": platform.profile.name,
            "examples": len(data),
            "folds": len(split.folds),
            "target": "equal or better log loss in at most 1/20 of the grid's time",
        },
    )


if __name__ == "__main__":
    main(*map(float, sys.argv[1:2]))
