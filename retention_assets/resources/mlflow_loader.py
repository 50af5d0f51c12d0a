"""Lets MLflow load a model folder as a pyfunc, for people and notebooks. Serving never comes here: it pins the digest itself."""

from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from serve.model.bundle import load_bundle
from serve.model.scorer import Scorer


class _Probabilities:
    """What MLflow calls: a frame with the model's features in, churn probabilities out."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        return self._scorer.probabilities(frame[self._scorer.features].to_numpy(dtype=np.float64))


def _load_pyfunc(data_path: str) -> _Probabilities:
    """MLflow's entry: the folder at `<model>/data/<bundle>`, with the digest that was logged beside it."""
    folder = Path(data_path)
    logged = yaml.safe_load((folder.parents[1] / "MLmodel").read_text())
    return _Probabilities(load_bundle(folder, logged["metadata"]["digest"]))
