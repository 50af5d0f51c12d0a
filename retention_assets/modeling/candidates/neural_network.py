"""A small dense TensorFlow network, saved as a Keras archive: the same fit gives the same bytes."""

import io
import json
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retention_assets.modeling.candidates.rows import FitRows, Fitted, Preprocess

if TYPE_CHECKING:
    import keras

LOSS = "log_loss"
STEPS = 32  # batches per call of TensorFlow: the same weights in four fifths of the time
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date that a zip archive can hold


def fit(rows: FitRows, params: Mapping[str, Any], seed: int) -> Fitted:
    """Adam until the log loss of the `stop` rows has not improved for `patience` epochs.

    Keeps the weights of the best epoch."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    preprocess = Preprocess.of(rows.X)
    X = preprocess.apply(rows.X).astype(np.float32)
    y = rows.y.astype(np.float32)[:, None]
    fitting = ~rows.stop
    stopping = rows.stop
    network = _network(X.shape[1], params)
    stop = keras.callbacks.EarlyStopping(
        monitor=f"val_{LOSS}", mode="min", patience=params["patience"], restore_best_weights=True
    )
    history = network.fit(
        X[fitting],
        y[fitting],
        sample_weight=rows.w[fitting],
        validation_data=(X[stopping], y[stopping], rows.w[stopping]),
        epochs=params["epochs"],
        batch_size=params["batch"],
        callbacks=[stop],
        verbose=0,  # pyright: ignore[reportArgumentType]
    )
    losses = history.history[f"val_{LOSS}"]
    return Fitted(
        _without_dates(_saved(network)),
        preprocess,
        {"epochs": len(losses), "stop_log_loss": min(losses)},
    )


def _network(features: int, params: Mapping[str, Any]) -> "keras.Model":
    import keras

    penalty = keras.regularizers.L2(params["l2"])
    # Named, as Keras would number them by how many were made before in this process.
    sizes = enumerate(params["layers"])
    hidden = [
        keras.layers.Dense(units, "relu", kernel_regularizer=penalty, name=f"hidden_{at}")
        for at, units in sizes
    ]
    network = keras.Sequential(
        [
            keras.Input((features,), name="features"),
            *hidden,
            keras.layers.Dense(1, "sigmoid", name="churn"),
        ],
        name="churn",
    )
    # A metric of its own, as the minimized loss includes the penalty.
    measured = [keras.metrics.BinaryCrossentropy(name=LOSS)]
    optimizer = keras.optimizers.Adam(params["learning_rate"])
    network.compile(
        optimizer=optimizer,
        loss="binary_crossentropy",
        weighted_metrics=measured,
        steps_per_execution=STEPS,
    )
    return network


def _saved(network: "keras.Model") -> bytes:
    import keras

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        # Only layers and weights: the optimizer's state is of no use to a scorer.
        keras.Sequential(
            [keras.Input(network.input_shape[1:], name="features"), *network.layers], name="churn"
        ).save(path)
        return path.read_bytes()


def _without_dates(archive: bytes) -> bytes:
    """The same archive with a fixed date everywhere and without memory addresses."""
    rewritten = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(rewritten, "w") as new:
        for name in sorted(old.namelist()):
            content = old.read(name)
            if name == "metadata.json":
                content = json.dumps(
                    json.loads(content) | {"date_saved": "1980-01-01@00:00:00"}
                ).encode()
            if name == "config.json":
                content = json.dumps(_without_addresses(json.loads(content))).encode()
            new.writestr(zipfile.ZipInfo(name, _EPOCH), content)
    return rewritten.getvalue()


def _without_addresses(config: Any) -> Any:
    if isinstance(config, list):
        return [_without_addresses(part) for part in config]
    if isinstance(config, dict):
        return {
            name: _without_addresses(part)
            for name, part in config.items()
            if name != "shared_object_id"
        }
    return config
