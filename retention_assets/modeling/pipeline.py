"""One candidate from examples to a calibrated, self-contained model: the same steps in each fold and in the final fit.

A fitted model is read back through `serve.model.loaders` before it is calibrated or judged: what is measured is what will be
served. Nothing is stored or logged here.
"""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retention_assets.errors import NotTrainableError
from retention_assets.modeling.calibration import Platt, fit_platt
from retention_assets.modeling.candidates.declared import Candidate
from retention_assets.modeling.candidates.rows import FitRows, Fitted
from retention_assets.modeling.evaluation.metrics import Economics, Evaluation
from retention_assets.modeling.examples import Bools, Examples, Floats
from retention_assets.modeling.splits import Split, hash_share, held_for_calibration
from serve.model.card import MODEL_FILES
from serve.model.loaders import RawModel, load_model

STOP_SHARE = 0.1


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
        return self.platt.apply(self.raw(X))


@dataclass(frozen=True)
class Trained:
    """The final model, its figures in each fold, and the calibration customers' scores."""

    model: Model
    folds: list[dict[str, float]]
    calibration_p: Floats
    calibration_y: np.ndarray


def train(
    candidate: Candidate, data: Examples, split: Split, economics: Economics, seed: int
) -> Trained:
    """Judges the candidate on the forward folds, then fits it on the whole training period."""
    folds = []
    for fold in split.folds:
        model, valid = fit_model(candidate, data, fold.train, seed), data.take(fold.valid)
        figures = Evaluation(valid.y, model.probabilities(valid.X), economics).point()
        folds.append(
            {
                "train_rows": int(fold.train.sum()),
                "rows": len(valid),
                "fit_s": model.seconds,
                **figures,
            }
        )
    final = fit_model(candidate, data, split.train, seed)
    held = data.take(split.train & held_for_calibration(data.customers))
    return Trained(final, folds, final.probabilities(held.X), held.y)


def fit_model(candidate: Candidate, data: Examples, rows: Bools, seed: int) -> Model:
    """Fits on four customers in five of these rows and calibrates on the others."""
    held = held_for_calibration(data.customers)
    fitting, calibrating = data.take(rows & ~held), data.take(rows & held)
    if len(np.unique(calibrating.y)) < 2:
        raise NotTrainableError(
            "The calibration customers are all of one kind.",
            "Give more customers or a longer history.",
        )
    stop = hash_share(fitting.customers, "stop") < STOP_SHARE
    if stop.all() or not stop.any():
        raise NotTrainableError(
            f"{len(np.unique(fitting.customers))} customers to fit on are too few to keep some apart who say when to stop.",
            "Give more customers.",
        )
    started = time.perf_counter()
    fitted = candidate.fit(FitRows(fitting.X, fitting.y, np.ones(len(fitting)), stop), seed)
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
