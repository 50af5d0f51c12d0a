"""One candidate from examples to a calibrated model: the same steps in each fold and at the end.

A fitted model is read back through `serve.model.loaders` before it is calibrated or evaluated, so
that the evaluated model is the served one. Nothing is stored or logged here.
"""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retention_assets.errors import NotTrainableError
from retention_assets.modeling.calibration import Platt, fit_platt
from retention_assets.modeling.candidates.declared import Candidate
from retention_assets.modeling.candidates.rows import FitRows, Fitted
from retention_assets.modeling.evaluation.metrics import Evaluation
from retention_assets.modeling.examples import Bools, Examples, Floats
from retention_assets.modeling.splits import TrainTestSplit, hash_share, in_calibration_part
from retention_assets.modeling.task import Task
from retention_assets.modeling.words import Words
from serve.model.card import MODEL_FILES
from serve.model.loaders import RawModel, load_model

STOP_SHARE = 0.1
WORDS = Words()


@dataclass(frozen=True)
class Model:
    """A fitted candidate with its calibrator. `seconds` is the fit alone."""

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
class Trained:
    """The final model, its figures in each fold, and the scores of the calibration part."""

    model: Model
    folds: list[dict[str, float]]
    calibration_p: Floats
    calibration_y: np.ndarray
    calibration_entities: NDArray[np.str_]


def train(candidate: Candidate, data: Examples, split: TrainTestSplit, task: Task) -> Trained:
    """Evaluates the candidate on each fold, then fits it on the whole training period."""
    folds = []
    for fold in split.folds:
        model = fit_model(candidate, data, fold.train, task.seed, task.words)
        valid = data.take(fold.valid)
        p = model.probabilities(valid.X)
        figures = Evaluation(valid.y, p, task.utility, reachable=valid.reachable).point()
        folds.append(
            {
                "train_rows": int(fold.train.sum()),
                "rows": len(valid),
                "fit_s": model.seconds,
                **figures,
            }
        )
    final = fit_model(candidate, data, split.train, task.seed, task.words)
    calibration = data.take(split.train & in_calibration_part(data.entities))
    return Trained(
        final, folds, final.probabilities(calibration.X), calibration.y, calibration.entities
    )


def fit_model(
    candidate: Candidate, data: Examples, rows: Bools, seed: int, words: Words = WORDS
) -> Model:
    """Fits on four entities in five of these rows and calibrates on the others."""
    held_out = in_calibration_part(data.entities)
    fitting = data.take(rows & ~held_out)
    calibrating = data.take(rows & held_out)
    if len(np.unique(calibrating.y)) < 2:
        raise NotTrainableError(
            f"All {words.entities} of the calibration part have the same label.",
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
    fit_rows = FitRows(fitting.X, fitting.y, np.ones(len(fitting)), stop)
    fitted = candidate.fit(fit_rows, candidate.params, seed)
    seconds = time.perf_counter() - started
    served = served_model(candidate.kind, fitted.model, len(data.features))
    uncalibrated = Model(candidate, fitted, Platt(1.0, 0.0), served, seconds)
    return Model(
        candidate,
        fitted,
        fit_platt(uncalibrated.raw(calibrating.X), calibrating.y),
        served,
        seconds,
    )


def served_model(kind: str, content: bytes, features: int) -> RawModel:
    """The model as the serving side reads its file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / MODEL_FILES[kind]
        path.write_bytes(content)
        return load_model(kind, path, features)
