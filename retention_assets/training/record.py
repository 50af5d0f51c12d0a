"""Records an evaluated candidate: its MLflow run, and a file beside the model folder naming it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retention_assets.modeling.evaluation.candidate_evaluation import (
    CandidateEvaluation,
    fold_means,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RECORD_FILE = "run.json"
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
    model_uri, has_signature = log_bundle(
        folder, list(evaluation.test.features), evaluation.test.X[:EXAMPLE_ROWS], evaluation.digest
    )
    run_id = tracker.active_run().info.run_id
    record = {
        "run_id": run_id,
        "model_uri": model_uri,
        "digest": evaluation.digest,
        "signature": has_signature,
        "fold_scores": fold_means(evaluation.trained.folds),
        "chosen_on": chosen_on,
    }
    (folder.parent / RECORD_FILE).write_text(json.dumps(record))
    return record


def read_record(folder: Path) -> dict[str, Any]:
    """The record of the evaluation that wrote this model folder."""
    return json.loads((folder.parent / RECORD_FILE).read_text())
