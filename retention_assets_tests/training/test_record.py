"""The record of an evaluation: figures in the MLflow run, a file next to the model folder."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from retention_assets.errors import NotTrainableError
from retention_assets.modeling.evaluation.candidate_evaluation import CandidateEvaluation
from retention_assets.modeling.recipe import recipe_of
from retention_assets.training.record import (
    EXAMPLE_ROWS,
    RECORD_FILE,
    UNTRAINED,
    read_record,
    record_evaluation,
    record_untrained,
    trained_only,
)
from retention_assets_tests.modeling.factories import UTILITY, examples, hand_made

DATA = examples(customers=20, weeks=3)
FOLDS = [{"rows": 5, "auc": np.float64(0.7)}, {"rows": 6, "auc": np.float64(0.8)}]
TRAINED = replace(hand_made(DATA, notes={"iterations": 12.0}), folds=FOLDS)
TRIAL = CandidateEvaluation(TRAINED, "d" * 64, 40, DATA, TRAINED.calibration_p, 0.5, UTILITY)
CURVES = Figure()


@dataclass
class Tracker:
    """Collects MLflow's logging calls."""

    params: dict[str, Any] = field(default_factory=dict)
    metrics: dict[int | None, dict[str, float]] = field(default_factory=dict)
    figures: dict[str, Figure] = field(default_factory=dict)

    def log_params(self, params: dict[str, Any]) -> None:
        self.params |= params

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        self.metrics.setdefault(step, {}).update(metrics)

    def log_figure(self, figure: Figure, name: str) -> None:
        self.figures[name] = figure

    def active_run(self) -> SimpleNamespace:
        return SimpleNamespace(info=SimpleNamespace(run_id="run-1"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "staged" / "bundle").mkdir(parents=True)
    return tmp_path / "staged" / "bundle"


def recorded(folder: Path, signed: bool = True) -> tuple[Tracker, dict[str, Any], list[Any]]:
    """Tracker and record, and the arguments that the model was logged with."""
    tracker = Tracker()
    logged: list[Any] = []

    def log_bundle(*arguments: Any) -> tuple[str, bool]:
        logged.extend(arguments)
        return "models:/m-1", signed

    record = record_evaluation(tracker, log_bundle, TRIAL, folder, CURVES, chosen_on="folds")
    return tracker, record, logged


def test_run_has_parameters_figures_and_a_step_per_fold(folder: Path) -> None:
    tracker, _, _ = recorded(folder)
    assert tracker.params == {"C": 0.1, "max_iter": 500, "train_rows": 40, "test_rows": 60}
    assert tracker.metrics[None] == TRIAL.figures() | {"fit_iterations": 12.0}
    assert {step: tracker.metrics[step] for step in (0, 1)} == {
        0: {"fold_rows": 5.0, "fold_auc": 0.7},
        1: {"fold_rows": 6.0, "fold_auc": 0.8},
    }
    assert tracker.figures == {"curves.png": CURVES}


def test_model_is_logged_with_digest_and_example_rows(folder: Path) -> None:
    _, _, logged = recorded(folder)
    assert logged[:2] == [folder, list(DATA.features)]
    assert logged[3] == "d" * 64
    np.testing.assert_array_equal(logged[2], DATA.X[:EXAMPLE_ROWS])


@pytest.mark.parametrize("signed", [True, False])
def test_record_lies_beside_the_model_folder(folder: Path, signed: bool) -> None:
    _, record, _ = recorded(folder, signed)
    assert record == {
        "run_id": "run-1",
        "model_uri": "models:/m-1",
        "digest": "d" * 64,
        "signature": signed,
        "recipe": recipe_of(TRAINED.model.candidate),
        "fold_scores": {"auc": pytest.approx((5 * 0.7 + 6 * 0.8) / 11)},
        "chosen_on": "folds",
    }
    assert read_record(folder) == record == json.loads((folder.parent / RECORD_FILE).read_text())
    assert not list(folder.iterdir())


def test_second_evaluation_replaces_the_record(folder: Path) -> None:
    recorded(folder, signed=True)
    recorded(folder, signed=False)
    assert read_record(folder)["signature"] is False


def test_record_says_why_a_candidate_is_untrained(folder: Path) -> None:
    recorded(folder)
    record_untrained(folder, "its matrix is singular")
    assert read_record(folder) == {UNTRAINED: "its matrix is singular"}


def test_candidate_without_evaluation_is_left_out() -> None:
    evaluated = {"digest": "d" * 64}
    assert trained_only({"a": {UNTRAINED: "singular"}, "b": evaluated}) == {"b": evaluated}
    with pytest.raises(NotTrainableError, match=r"No candidate.*a: singular b: too few\."):
        trained_only({"a": {UNTRAINED: "singular"}, "b": {UNTRAINED: "too few."}})
