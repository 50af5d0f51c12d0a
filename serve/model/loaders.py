"""Raw probabilities from each kind of model file, with numpy and treelite. No calibration here.

A file is read as data: trees by treelite, network weights from their HDF5 arrays, coefficients from
JSON. Keras is never imported, so a file cannot run the code of a layer.
"""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from serve.errors import BundleError

# (n, features) float64, preprocessed -> (n,) raw probability. Unknown values are NaN.
RawModel = Callable[[np.ndarray], np.ndarray]

_IDENTITY_LAYERS = {"InputLayer", "Dropout"}  # they change nothing in a prediction
_MAX_WEIGHTS_BYTES = 256 * 1024 * 1024


def sigmoid(log_odds: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.clip(log_odds, -700.0, 700.0)))


_ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0.0),
    "sigmoid": sigmoid,
}


def load_model(kind: str, path: Path, features: int) -> RawModel:
    """The model in `path`. Raises BundleError where the file is not a model of this kind and width.

    The model predicts one row here, so a file that does not fit fails now and not at a request.
    """
    try:
        model = _LOADERS[kind](path)
        probe = model(np.zeros((1, features)))
    except (OSError, KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise BundleError(
            f"The model file is not a readable {kind} of {features} features."
        ) from error
    if probe.shape != (1,) or not 0.0 <= probe[0] <= 1.0:
        raise BundleError("The model does not return one probability per row.")
    return model


def _xgboost(path: Path) -> RawModel:
    from treelite import frontend

    return _trees(
        lambda: frontend.load_xgboost_model(path, format_choice="ubjson"), casts=(np.float32,)
    )


def _forest(path: Path) -> RawModel:
    from treelite import Model

    # scikit-learn compares inputs rounded to float32 with float64 thresholds.
    return _trees(lambda: Model.deserialize(path), casts=(np.float32, np.float64))


def _trees(load: Callable, *, casts: tuple[type, ...]) -> RawModel:
    """Trees by treelite's GTIL: on one row 3 to 80 times faster than the training library."""
    from treelite import TreeliteError, gtil

    try:
        trees = load()
    except TreeliteError as error:
        raise ValueError("not a tree model") from error

    def predict(matrix: np.ndarray) -> np.ndarray:
        if matrix.shape[1] != trees.num_feature:
            raise ValueError("another number of features")
        for cast in casts:
            matrix = matrix.astype(cast)
        result = gtil.predict(trees, np.ascontiguousarray(matrix), nthread=1)
        # (rows, 1, classes): a forest returns both classes, boosting only the positive one.
        return result.reshape(len(matrix), -1)[:, -1].astype(np.float64)

    return predict


def _network(path: Path) -> RawModel:
    """The dense layers of a `.keras` file as matrix products. Other layers are an error."""
    layers = _dense_layers(path)

    def predict(matrix: np.ndarray) -> np.ndarray:
        values = matrix
        for kernel, bias, activation in layers:
            values = activation(values @ kernel + bias)
        return values.reshape(len(matrix))

    return predict


def _dense_layers(path: Path) -> list[tuple[np.ndarray, np.ndarray, Callable]]:
    import h5py

    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))["config"]["layers"]
        if archive.getinfo("model.weights.h5").file_size > _MAX_WEIGHTS_BYTES:
            raise ValueError("weights too large")
        weights = io.BytesIO(archive.read("model.weights.h5"))
    layers = [layer for layer in config if layer["class_name"] not in _IDENTITY_LAYERS]
    if any(layer["class_name"] != "Dense" for layer in layers):
        raise ValueError("only Dense, Dropout and InputLayer are supported")
    with h5py.File(weights, "r") as file:
        return [_dense(file, number, layer["config"]) for number, layer in enumerate(layers)]


def _dense(file, number: int, config: dict) -> tuple[np.ndarray, np.ndarray, Callable]:
    # Keras names the layers of a class dense, dense_1, dense_2, ...
    name = f"dense_{number}" if number else "dense"
    kernel = np.asarray(file[f"layers/{name}/vars/0"], dtype=np.float64)
    bias = np.zeros(kernel.shape[1])
    if config["use_bias"]:
        bias = np.asarray(file[f"layers/{name}/vars/1"], dtype=np.float64)
    return kernel, bias, _ACTIVATIONS[config["activation"]]


def _logistic(path: Path) -> RawModel:
    fitted = json.loads(path.read_bytes())
    coef = np.asarray(fitted["coef"], dtype=np.float64).reshape(-1)
    intercept = float(fitted["intercept"])
    return lambda matrix: sigmoid(matrix @ coef + intercept)


_LOADERS: dict[str, Callable[[Path], RawModel]] = {
    "xgboost": _xgboost,
    "random_forest": _forest,
    "neural_network": _network,
    "logistic_regression": _logistic,
}
