"""One candidate from examples to a calibrated model, and its figures on each fold.

A fitted model is read back through `serve.model.loaders` before it is calibrated or evaluated, so
that the evaluated model is the served one. Nothing is stored or logged here.
"""

import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retention_assets.errors import NotTrainableError
from retention_assets.modeling.calibration import Platt, cross_calibrated, fit_platt
from retention_assets.modeling.candidates.declared import Candidate
from retention_assets.modeling.candidates.rows import FitRows, Fitted
from retention_assets.modeling.evaluation.intervals import standard_error
from retention_assets.modeling.evaluation.metrics import Evaluation
from retention_assets.modeling.examples import Bools, Examples, Floats
from retention_assets.modeling.splits import (
    Fold,
    TrainTestSplit,
    calibration_parts,
    hash_share,
    later_cohort,
)
from retention_assets.modeling.task import Task
from retention_assets.modeling.words import Words
from serve.model.card import MODEL_FILES
from serve.model.loaders import RawModel, load_model

STOP_SHARE = 0.1
ERROR_ROUNDS = 100
WORDS = Words()


@dataclass(frozen=True)
class Model:
    """A fitted candidate with its calibrator. `seconds` is the fit alone, on all rows."""

    candidate: Candidate
    fitted: Fitted
    platt: Platt
    served: RawModel
    seconds: float

    def raw(self, X: Floats) -> Floats:
        """Uncalibrated probability."""
        return self.served(self.fitted.preprocess.apply(X) if self.fitted.preprocess else X)

    def probabilities(self, X: Floats) -> Floats:
        """Calibrated probability."""
        return self.platt.apply(self.raw(X))


@dataclass(frozen=True)
class CalibrationRows:
    """Uncalibrated probabilities by models that were fitted without the rows' entities; labels.
    `weights`: how much each row counts; None: all count 1.
    """

    raw: Floats
    y: NDArray[np.int8]
    entities: NDArray[np.str_]
    weights: Floats | None


@dataclass(frozen=True)
class Trained:
    """The final model, its figures in each fold, and the calibrated scores of the calibration rows
    by models that were fitted without their entities. `calibration_weights`: how much each of these
    rows counts; None: all count 1.
    """

    model: Model
    folds: list[dict[str, float]]
    calibration_p: Floats
    calibration_y: np.ndarray
    calibration_entities: NDArray[np.str_]
    calibration_weights: Floats | None = None


def train(candidate: Candidate, data: Examples, split: TrainTestSplit, task: Task) -> Trained:
    """Evaluates the candidate on each fold, then fits it on the whole training period."""
    folds = [evaluate_fold(candidate, data, fold, task) for fold in split.folds]
    final, calibration = fit_and_calibrate(candidate, data, split.train, task.seed, task.words)
    return Trained(
        final,
        folds,
        final.platt.apply(calibration.raw),
        calibration.y,
        calibration.entities,
        calibration.weights,
    )


def evaluate_fold(candidate: Candidate, data: Examples, fold: Fold, task: Task) -> dict[str, float]:
    """Figures of a fit on the fold's earlier rows, for its later rows; both counts of rows; the
    profit's standard error by entity.

    The later rows are calibrated by the later rows of other entities, in place of two more fits.
    So a fold compares how well recipes tell entities apart, and not how the level moves with time:
    that is the same for all, and the untouched test shows it.
    """
    data = data.learned_from(fold.train)
    model = _fit(candidate, data, fold.train, task.seed, task.words)
    valid = data.take(fold.valid)
    parts = calibration_parts(valid.entities)
    p = cross_calibrated(model.raw(valid.X), valid.y, parts, valid.weights)
    evaluation = Evaluation.of(valid, p, task.utility)
    error = standard_error(evaluation, valid.entities, "profit", ERROR_ROUNDS, task.seed)
    counts = {"train_rows": int(fold.train.sum()), "rows": len(valid), "fit_s": model.seconds}
    return counts | evaluation.point() | {"profit_error": error}


def fit_model(
    candidate: Candidate, data: Examples, rows: Bools, seed: int, words: Words = WORDS
) -> Model:
    """The model of `fit_and_calibrate`."""
    model, _ = fit_and_calibrate(candidate, data, rows, seed, words)
    return model


def fit_and_calibrate(
    candidate: Candidate, data: Examples, rows: Bools, seed: int, words: Words = WORDS
) -> tuple[Model, CalibrationRows]:
    """Fits on all these rows, which the features were learned from. The calibrator learns from the
    latest of them, as scored by models that were fitted without their entities (cross-fitting,
    Chernozhukov et al. 2018).

    With one fifth of the entities held out instead, its level depends on which fifth that is: by
    two points on 1,900 customers, which is most of the tolerance that promotion allows.
    """
    model = _fit(candidate, data, rows, seed, words)
    cohort = later_cohort(data, rows)
    parts = calibration_parts(data.entities)
    raw = np.full(len(data), np.nan)
    for part in np.unique(parts[cohort]):
        scored = cohort & (parts == part)
        fitted = rows & (parts != part)
        others = data.learned_from(fitted)
        raw[scored] = _fit(candidate, others, fitted, seed, words).raw(others.X[scored])
    of_cohort = data.take(cohort)
    calibration = CalibrationRows(raw[cohort], of_cohort.y, of_cohort.entities, of_cohort.weights)
    platt = fit_platt(calibration.raw, calibration.y, calibration.weights)
    return replace(model, platt=platt), calibration


def _fit(candidate: Candidate, data: Examples, rows: Bools, seed: int, words: Words) -> Model:
    """An uncalibrated model of those of these rows that count."""
    fitting = data.take(rows & (data.w > 0))
    if len(np.unique(fitting.y)) < 2:
        raise NotTrainableError(
            f"All {words.entities} to fit on have the same label.",
            f"Provide more {words.entities} or a longer history.",
        )
    stop = hash_share(fitting.entities, "stop") < STOP_SHARE
    if stop.all() or not stop.any():
        raise NotTrainableError(
            f"{len(np.unique(fitting.entities))} {words.entities} are too few to fit on and to "
            "stop by.",
            f"Provide more {words.entities}.",
        )
    started = time.perf_counter()
    fit_rows = FitRows(fitting.X, fitting.y, fitting.w, stop)
    try:
        fitted = candidate.fit(fit_rows, candidate.params, seed)
    except (ValueError, ArithmeticError) as error:
        reason = str(error).strip() or type(error).__name__
        raise NotTrainableError(
            f"{candidate.name} cannot be fitted: {reason.splitlines()[0]}",
            "Correct its parameters where the candidates are declared.",
        ) from error
    seconds = time.perf_counter() - started
    served = served_model(candidate.kind, fitted.model, len(data.features))
    return Model(candidate, fitted, Platt(1.0, 0.0), served, seconds)


def served_model(kind: str, content: bytes, features: int) -> RawModel:
    """The model as the serving side reads its file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / MODEL_FILES[kind]
        path.write_bytes(content)
        return load_model(kind, path, features)
