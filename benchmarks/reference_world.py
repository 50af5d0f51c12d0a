"""How much of what can be known about who leaves the chosen model knows, on the simulator as it is.

For each seed, the embedded source (5,000 customers, 400 days) is filled and trained on as
`retention run` does it. On the untouched weeks, the AUC of the challenger is compared with that of
200 trials of tuned boosting, and with that of the true daily hazard of leaving without a contact,
as of the same Monday: ratio = (AUC - .5) / (AUC of the hazard - .5). All are weighted by the
logged decisions on contacts, as the product's own figures are: who was contacted counts 0, who was
left out stands in for them.

The simulator knows the hazard of every customer who has not left by the end of the Monday. Some
customers of the test rows have: they went silent, and a lapse is recorded at their next renewal, or
they left on the Monday itself. `with hazard` leaves them out. In `all` they rank above everybody
else in the hazard's order, which nobody could know. The hazard is no strict bound: it changes
within the 97 days of a label.

Tuned boosting is XGBoost by itself: one wide space, Optuna's sampler and pruner, and the number of
trees that the validation rows ask for. It has the product's features, folds and weights. Its trials
read a sample of customers, the same that the product's searches read; the best TOP of them are
fitted on all rows of the folds, and the best of these by log loss on all rows before the test.
Usage: `python benchmarks/reference_world.py [SEED ...]`.
"""

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pyarrow.parquet as pq
from churn_training import filled_examples, trained_challenger
from report import publish
from xgboost import XGBClassifier

from retention_assets.modeling.evaluation.candidate_evaluation import fold_means
from retention_assets.modeling.evaluation.metrics import Evaluation
from retention_assets.modeling.examples import Bools, Examples, Floats
from retention_assets.modeling.splits import Fold, TrainTestSplit, hash_share
from retention_assets.modeling.task import Task
from retention_assets.platform import Platform
from retention_assets.settings import Settings
from retention_assets.simulation.simulator import TRUTH
from retention_assets.training.task import churn_split, churn_task

SEEDS = (7, 8, 9, 10, 11)
TRIALS = 200
TOP = 10
MOST_TREES = 1000
PATIENCE = 30
MIN_RATIO = 0.87
GONE = 1.0  # above every daily hazard
COLUMNS = ("auc", "tuned_auc", "hazard_auc", "ratio", "tuned_ratio")


def true_hazards(folder: Path, test: Examples) -> Floats:
    """Daily hazard of each row's customer on its Monday; NaN: the customer has left by its end."""
    hazards = np.full(len(test), np.nan)
    for monday in np.unique(test.as_of):
        table = pq.read_table(folder / TRUTH / "hazards" / f"{monday}.parquet")
        columns = (table[name].to_pylist() for name in ("customer_id", "hazard"))
        hazard_of = dict(zip(*columns, strict=True))
        rows = test.as_of == monday
        hazards[rows] = [hazard_of.get(name, np.nan) for name in test.entities[rows]]
    return hazards


def boosted(params: Mapping[str, Any], seed: int, **others: Any) -> XGBClassifier:
    """Untrained boosted trees with these parameters."""
    return XGBClassifier(**params, **others, random_state=seed, n_jobs=2)


def boosting_fold(
    params: Mapping[str, Any], data: Examples, fold: Fold, seed: int
) -> dict[str, float]:
    """Log loss on the fold's validation rows, and the number of trees at which it is lowest."""
    train = data.take(fold.train)
    valid = data.take(fold.valid)
    model = boosted(params, seed, n_estimators=MOST_TREES, early_stopping_rounds=PATIENCE)
    model.fit(
        train.X,
        train.y,
        sample_weight=train.w,
        eval_set=[(valid.X, valid.y)],
        sample_weight_eval_set=[valid.w],
        verbose=False,
    )
    trees = model.best_iteration + 1
    return {"rows": len(valid), "log_loss": model.best_score, "trees": trees}


def suggested_params(trial: optuna.Trial) -> dict[str, Any]:
    """A set of the usual parameters, drawn from wide ranges."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.3, log=True),
        "max_depth": trial.suggest_int("max_depth", 1, 10),
        "min_child_weight": trial.suggest_float("min_child_weight", 0.5, 200, log=True),
        "subsample": trial.suggest_float("subsample", 0.4, 1.0),
        "colsample_bytree": trial.suggest_float("colsample_bytree", 0.2, 1.0),
        "reg_lambda": trial.suggest_float("reg_lambda", 1e-2, 100, log=True),
        "reg_alpha": trial.suggest_float("reg_alpha", 1e-3, 10, log=True),
        "gamma": trial.suggest_float("gamma", 1e-3, 5, log=True),
    }


def of_customers(folds: Sequence[Fold], kept: Bools) -> list[Fold]:
    """The folds with the rows of these customers alone."""
    return [Fold(fold.train & kept, fold.valid & kept) for fold in folds]


def tuned_boosting(data: Examples, split: TrainTestSplit, task: Task, share: float) -> Floats:
    """Scores of the test rows. `share`: of customers, whose rows the trials read."""
    sampled = of_customers(split.folds, hash_share(data.entities, "search") < share)

    def trial_loss(trial: optuna.Trial) -> float:
        params = suggested_params(trial)
        results = []
        for step, fold in enumerate(sampled):
            results.append(boosting_fold(params, data, fold, task.seed))
            trial.report(fold_means(results)["log_loss"], step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return fold_means(results)["log_loss"]

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=task.seed))
    study.optimize(trial_loss, TRIALS)
    completed = [trial for trial in study.trials if trial.value is not None]
    best = sorted(completed, key=lambda trial: trial.value or 0.0)[:TOP]
    results = []
    for trial in best:
        folds = [boosting_fold(trial.params, data, fold, task.seed) for fold in split.folds]
        results.append((fold_means(folds), trial.params))
    means, params = min(results, key=lambda result: result[0]["log_loss"])
    train = data.take(split.train)
    model = boosted(params, task.seed, n_estimators=round(means["trees"]))
    model.fit(train.X, train.y, sample_weight=train.w)
    return model.predict_proba(data.take(split.test).X)[:, 1].astype(np.float64)


def figures(test: Examples, scores: Mapping[str, Floats], task: Task) -> dict[str, float]:
    """The AUC of each scorer on these rows, and what share of the hazard's they reach."""
    auc = {
        name: Evaluation.of(test, values, task.utility).point()["auc"]
        for name, values in scores.items()
    }
    best = auc["hazard_auc"] - 0.5
    ratios = {"ratio": (auc["auc"] - 0.5) / best, "tuned_ratio": (auc["tuned_auc"] - 0.5) / best}
    return {name: round(value, 4) for name, value in (auc | ratios).items()}


def measure(seed: int) -> Iterator[dict[str, Any]]:
    """A row for the test rows with a hazard, and one for all."""
    with tempfile.TemporaryDirectory() as folder:
        platform = Platform.of(Settings(home=Path(folder), simulated_seed=seed))
        task = churn_task(platform.settings, platform.profile)
        data = filled_examples(platform)
        split = churn_split(data, task)
        test = data.take(split.test)
        hazards = true_hazards(platform.settings.simulated_dir, test)
    challenger = trained_challenger(data, split, task)
    share = task.search.rows / max(int(fold.train.sum()) for fold in split.folds)
    scores = {
        "auc": challenger.p,
        "tuned_auc": tuned_boosting(data, split, task, share),
        "hazard_auc": np.nan_to_num(hazards, nan=GONE),
    }
    is_active = ~np.isnan(hazards)
    for name, rows in (("with hazard", is_active), ("all", np.ones_like(is_active))):
        of_rows = test.take(rows)
        yield {
            "seed": seed,
            "customers": name,
            "rows": len(of_rows),
            "base_rate": round(float(np.average(of_rows.y, weights=of_rows.w)), 4),
            "challenger": challenger.recipe.name,
            **figures(of_rows, {key: values[rows] for key, values in scores.items()}, task),
        }


def means(rows: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The mean of each figure over the seeds, for both kinds of test rows."""
    for name in dict.fromkeys(row["customers"] for row in rows):
        of_name = [row for row in rows if row["customers"] == name]
        averages = {
            column: round(float(np.mean([row[column] for row in of_name])), 4)
            for column in ("base_rate", *COLUMNS)
        }
        yield {
            "seed": "mean",
            "customers": name,
            "rows": sum(row["rows"] for row in of_name),
            "base_rate": averages.pop("base_rate"),
            "challenger": "",
            **averages,
        }


def main(seeds: Sequence[int]) -> None:
    rows: list[dict[str, Any]] = []
    for seed in seeds:
        for row in measure(seed):
            print(row, file=sys.stderr, flush=True)
            rows.append(row)
    notes = {
        "source": "embedded, 5,000 customers x 400 days",
        "seeds": f"{len(seeds)} of {len(SEEDS)}",
        "bounds": {"ratio": MIN_RATIO, "auc": "no worse than tuned_auc"},
        "tuned_trials": TRIALS,
        "tuned_on": "a sample of customers; the best 10 sets again on all rows of the folds",
    }
    publish(__file__, [*rows, *means(rows)], notes)


if __name__ == "__main__":
    main([int(seed) for seed in sys.argv[1:]] or SEEDS)
