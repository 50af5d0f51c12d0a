"""What a trial leaves behind: its MLflow run, and a note beside the staged model folder that says where that run is."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retention_assets.modeling.evaluation.candidate_evaluation import Trial

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NOTE = "run.json"
EXAMPLE_ROWS = 5


def record_trial(
    tracker: Any, log_bundle: Callable[..., Any], trial: Trial, folder: Path, curves: "Figure"
) -> dict[str, Any]:
    """Logs parameters, figures, curves and the model in the active run, and writes the note. Returns the note.

    `tracker` has MLflow's logging calls, which dagster-mlflow makes at run time: no type tells them.
    """
    model = trial.trained.model
    tracker.log_params(
        {**model.candidate.params, "train_rows": trial.train_rows, "test_rows": len(trial.test)}
    )
    tracker.log_metrics(
        trial.figures()
        | {f"fit_{name}": float(value) for name, value in model.fitted.notes.items()}
    )
    for step, fold in enumerate(trial.trained.folds):
        tracker.log_metrics(
            {f"fold_{name}": float(value) for name, value in fold.items()}, step=step
        )
    tracker.log_figure(curves, "curves.png")
    model_uri, signed = log_bundle(
        folder, list(trial.test.features), trial.test.X[:EXAMPLE_ROWS], trial.digest
    )
    run_id = tracker.active_run().info.run_id
    note = {"run_id": run_id, "model_uri": model_uri, "digest": trial.digest, "signature": signed}
    (folder.parent / NOTE).write_text(json.dumps(note))
    return note


def read_note(folder: Path) -> dict[str, Any]:
    """The note of the trial that wrote this model folder."""
    return json.loads((folder.parent / NOTE).read_text())
