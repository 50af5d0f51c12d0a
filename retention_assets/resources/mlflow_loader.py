"""Loads a model folder as an MLflow pyfunc, for notebooks. Serving has its own loader."""

from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from serve.model.bundle import load_bundle
from serve.model.scorer import Scorer


class _Probabilities:
    """The model as MLflow calls it: from a frame with its features to churn probabilities."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        return self._scorer.probabilities(frame[self._scorer.features].to_numpy(dtype=np.float64))


def _load_pyfunc(data_path: str) -> _Probabilities:
    """The entry point that MLflow calls with the folder `<model>/data/<bundle>`.

    The expected digest is read from `<model>/MLmodel`.
    """
    folder = Path(data_path)
    logged = yaml.safe_load((folder.parents[1] / "MLmodel").read_text())
    return _Probabilities(load_bundle(folder, logged["metadata"]["digest"]))
