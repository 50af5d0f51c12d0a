"""Raw probability of each kind of model file, in numpy and treelite. No calibration here, and no training library.

A file is read as data: trees by treelite's checkpoint or UBJSON reader, network weights straight from their HDF5
arrays (Keras itself is never imported, so no layer code of a file can run), coefficients from JSON.
"""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from serve.errors import BundleError

# (n, features) float64, preprocessed -> (n,) raw probability. Missing values are NaN.
RawModel = Callable[[np.ndarray], np.ndarray]

_IGNORED_LAYERS = {"InputLayer", "Dropout"}  # identity when predicting
_MAX_WEIGHTS_BYTES = 256 * 1024 * 1024


def sigmoid(margin: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.clip(margin, -700.0, 700.0)))


_ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0.0),
    "sigmoid": sigmoid,
}


def load_model(kind: str, path: Path, features: int) -> RawModel:
    """The model in `path`, tried once on a row, so that a file that does not fit is refused at load."""
    try:
        model = _LOADERS[kind](path)
        probe = model(np.zeros((1, features)))
    except (OSError, KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise BundleError(
            f"The model file is not a readable {kind} of {features} features."
        ) from error
    if probe.shape != (1,) or not 0.0 <= probe[0] <= 1.0:
        raise BundleError("The model does not give one probability per row.")
    return model


def _xgboost(path: Path) -> RawModel:
    from treelite import frontend

    return _trees(lambda: frontend.load_xgboost_model(path, format_choice="ubjson"), np.float32)


def _forest(path: Path) -> RawModel:
    from treelite import Model

    # scikit-learn compares float32 inputs with float64 thresholds: round first, as it does.
    return _trees(lambda: Model.deserialize(path), np.float32, np.float64)


def _trees(load: Callable, *casts: type) -> RawModel:
    """GTIL: 3 to 80 times faster than the training library on one row, and equal to it (1e-6, tested)."""
    from treelite import TreeliteError, gtil

    try:
        trees = load()
    except TreeliteError as error:
        raise ValueError("not a tree model") from error

    def predict(matrix: np.ndarray) -> np.ndarray:
        for cast in casts:
            matrix = matrix.astype(cast)
        found = gtil.predict(trees, np.ascontiguousarray(matrix), nthread=1)
        # (rows, 1, classes): a forest gives both classes, boosting the positive one.
        return found.reshape(len(matrix), -1)[:, -1].astype(np.float64)

    def checked(matrix: np.ndarray) -> np.ndarray:
        if matrix.shape[1] != trees.num_feature:
            raise ValueError("another number of features")
        return predict(matrix)

    return checked


def _network(path: Path) -> RawModel:
    """Dense layers of a `.keras` file as matrix products; any other kind of layer is refused."""
    layers = _dense_layers(path)

    def predict(matrix: np.ndarray) -> np.ndarray:
        value = matrix
        for kernel, bias, activation in layers:
            value = activation(value @ kernel + bias)
        return value.reshape(len(matrix))

    return predict


def _dense_layers(path: Path) -> list[tuple[np.ndarray, np.ndarray, Callable]]:
    import h5py

    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))["config"]["layers"]
        if archive.getinfo("model.weights.h5").file_size > _MAX_WEIGHTS_BYTES:
            raise ValueError("weights too large")
        weights = io.BytesIO(archive.read("model.weights.h5"))
    specs = [spec for spec in config if spec["class_name"] not in _IGNORED_LAYERS]
    if any(spec["class_name"] != "Dense" for spec in specs):
        raise ValueError("only Dense, Dropout and InputLayer are served")
    with h5py.File(weights, "r") as file:
        return [_dense(file, position, spec["config"]) for position, spec in enumerate(specs)]


def _dense(file, position: int, config: dict) -> tuple[np.ndarray, np.ndarray, Callable]:
    # Keras numbers layers of one class in their order: dense, dense_1, ...
    group = f"layers/dense{f'_{position}' if position else ''}/vars"
    kernel = np.asarray(file[f"{group}/0"], dtype=np.float64)
    bias = (
        np.asarray(file[f"{group}/1"], dtype=np.float64)
        if config["use_bias"]
        else np.zeros(kernel.shape[1])
    )
    return kernel, bias, _ACTIVATIONS[config["activation"]]


def _logistic(path: Path) -> RawModel:
    fitted = json.loads(path.read_bytes())
    coef, intercept = (
        np.asarray(fitted["coef"], dtype=np.float64).reshape(-1),
        float(fitted["intercept"]),
    )
    return lambda matrix: sigmoid(matrix @ coef + intercept)


_LOADERS: dict[str, Callable[[Path], RawModel]] = {
    "xgboost": _xgboost,
    "random_forest": _forest,
    "neural_network": _network,
    "logistic_regression": _logistic,
}
