"""Records an evaluated candidate: its MLflow run, and a file beside the model folder naming it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retention_assets.errors import NotTrainableError
from retention_assets.modeling.evaluation.candidate_evaluation import (
    CandidateEvaluation,
    fold_means,
)
from retention_assets.modeling.examples import Examples
from retention_assets.modeling.pipeline import Trained
from retention_assets.modeling.recipe import recipe_of
from retention_assets.modeling.refit import Refit
from retention_assets.modeling.search import FAILED, SearchResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RECORD_FILE = "run.json"
UNTRAINED = "untrained"  # in a record: why there is no evaluation
EXAMPLE_ROWS = 5


def record_evaluation(
    tracker: Any,
    log_bundle: Callable[..., Any],
    evaluation: CandidateEvaluation,
    folder: Path,
    curves: "Figure",
    *,
    chosen_on: str,
) -> dict[str, Any]:
    """Logs parameters, figures, curves and model in the active run. Returns the record it writes.

    `chosen_on`: what the folds are. `tracker` has MLflow's logging calls; dagster-mlflow makes them
    at run time, without types.
    """
    model = evaluation.trained.model
    tracker.log_params(
        {
            **model.candidate.params,
            "train_rows": evaluation.train_rows,
            "test_rows": len(evaluation.test),
        }
    )
    tracker.log_metrics(
        evaluation.figures()
        | {f"fit_{name}": float(value) for name, value in model.fitted.notes.items()}
    )
    for step, fold in enumerate(evaluation.trained.folds):
        tracker.log_metrics(
            {f"fold_{name}": float(value) for name, value in fold.items()}, step=step
        )
    tracker.log_figure(curves, "curves.png")
    logged = _log_model(
        tracker,
        log_bundle,
        evaluation.trained,
        evaluation.test,
        folder=folder,
        digest=evaluation.digest,
    )
    folds = {"fold_scores": fold_means(evaluation.trained.folds), "chosen_on": chosen_on}
    return _write_record(folder, logged | folds)


def record_search(tracker: Any, result: SearchResult, curve: "Figure") -> None:
    """Logs each trial as a run under the active one, and the search's figures and curve in it.
    Nothing without a search.
    """
    for trial in result.trials:
        metrics = {"seconds": trial.seconds, "log_loss": trial.log_loss}
        if trial.outcome == FAILED:
            del metrics["log_loss"]
        tags = {"outcome": trial.outcome}
        with tracker.start_run(run_name=f"trial {trial.number}", nested=True, tags=tags):
            tracker.log_params({name: trial.params[name] for name in result.best.space})
            tracker.log_metrics(metrics)
    if result.trials:
        tracker.log_metrics(result.figures)
        tracker.log_figure(curve, "search.png")


def record_refit(
    tracker: Any, log_bundle: Callable[..., Any], refit: Refit, folder: Path
) -> dict[str, Any]:
    """Logs a refit in the active run, as `record_evaluation` does. It has no figures of its own:
    it has learned from every labeled row. How far it agrees with the tested model is logged.
    """
    model = refit.trained.model
    tracker.log_params({**model.candidate.params, "train_rows": refit.rows})
    tracker.log_metrics(
        {f"agreement_{name}": value for name, value in asdict(refit.agreement).items()}
        | {"fit_s": model.seconds}
        | {f"fit_{name}": float(value) for name, value in model.fitted.notes.items()}
    )
    logged = _log_model(
        tracker, log_bundle, refit.trained, refit.tested_on, folder=folder, digest=refit.digest
    )
    return _write_record(folder, logged)


def _log_model(
    tracker: Any,
    log_bundle: Callable[..., Any],
    trained: Trained,
    rows: Examples,
    *,
    folder: Path,
    digest: str,
) -> dict[str, Any]:
    """Logs the model folder with some of these rows as an example. Returns what to record."""
    model_uri, has_signature = log_bundle(
        folder, list(rows.features), rows.X[:EXAMPLE_ROWS], digest
    )
    return {
        "run_id": tracker.active_run().info.run_id,
        "model_uri": model_uri,
        "digest": digest,
        "signature": has_signature,
        "recipe": recipe_of(trained.model.candidate),
    }


def record_untrained(folder: Path, reason: str) -> None:
    """Says that the candidate of this model folder has no evaluation; an earlier one is over."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    _write_record(folder, {UNTRAINED: reason})


def _write_record(folder: Path, record: dict[str, Any]) -> dict[str, Any]:
    (folder.parent / RECORD_FILE).write_text(json.dumps(record))
    return record


def read_record(folder: Path) -> dict[str, Any]:
    """The record of the evaluation that wrote this model folder, or why there is none."""
    return json.loads((folder.parent / RECORD_FILE).read_text())


def trained_only(records: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The records of the candidates that were evaluated. Raises NotTrainableError if none was."""
    trained = {name: record for name, record in records.items() if UNTRAINED not in record}
    if not trained:
        reasons = (f"{name}: {record[UNTRAINED]}" for name, record in records.items())
        raise NotTrainableError(
            f"No candidate could be trained. {' '.join(reasons)}",
            "Do what the check `trained` of each candidate says.",
        )
    return trained
