"""A small dense TensorFlow network, saved as a Keras archive: the same fit gives the same bytes."""

import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retention_assets.modeling.candidates.rows import FitRows, Fitted, Preprocess

if TYPE_CHECKING:
    import keras

_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the earliest date that a zip archive can hold
_TRAINING = Lock()  # fits share the networks of `_training`


@dataclass(frozen=True)
class _Training:
    """A network, its optimizer, and what TensorFlow has traced of them.

    `epoch` takes X, y, weights, the rows' order, the batch size and the penalty, and changes the
    weights; `log_loss` takes X, y and weights.
    """

    network: "keras.Model"
    optimizer: "keras.optimizers.Adam"
    epoch: Callable[..., None]
    log_loss: Callable[..., Any]

    def restart(self, seed: int, learning_rate: float) -> None:
        """New weights, and an optimizer that has not taken a step."""
        layers = [layer.units for layer in self.network.layers[:-1]]
        new = _network(self.network.input_shape[1], layers, seed)
        self.network.set_weights(new.get_weights())
        for variable in self.optimizer.variables:
            variable.assign(np.zeros(variable.shape))
        self.optimizer.learning_rate.assign(learning_rate)


def fit(rows: FitRows, params: Mapping[str, Any], seed: int) -> Fitted:
    """Adam until the log loss of the `stop` rows has not improved for `patience` epochs.

    Keeps the weights of the best epoch. `l2` penalizes the hidden layers' weights. Raises
    ValueError if the first epoch ends in infinite weights.
    """
    import tensorflow as tf

    preprocess = Preprocess.of(rows.X)
    X = preprocess.apply(rows.X).astype(np.float32)
    y = rows.y.astype(np.float32)[:, None]
    w = rows.w.astype(np.float32)
    fitting = [tf.constant(values[~rows.stop]) for values in (X, y, w)]
    stopping = [tf.constant(values[rows.stop]) for values in (X, y, w)]
    shuffle = np.random.default_rng(seed)
    with _TRAINING:
        training = _training(X.shape[1], tuple(params["layers"]))
        training.restart(seed, params["learning_rate"])
        losses: list[float] = []
        weights: list[NDArray[np.float32]] = []
        while len(losses) < params["epochs"] and not _stopped(losses, params["patience"]):
            order = tf.constant(shuffle.permutation(len(fitting[1])))
            training.epoch(*fitting, order, params["batch"], params["l2"])
            losses.append(float(training.log_loss(*stopping)))
            if losses[-1] == min(losses):
                weights = training.network.get_weights()
        if not weights:
            raise ValueError("its log loss is not a number after the first epoch")
        training.network.set_weights(weights)
        model = _without_dates(_saved(training.network))
    return Fitted(model, preprocess, {"epochs": len(losses), "stop_log_loss": min(losses)})


def _stopped(losses: list[float], patience: int) -> bool:
    return bool(losses) and len(losses) - 1 - losses.index(min(losses)) >= patience


@lru_cache(maxsize=4)
def _training(features: int, layers: tuple[int, ...]) -> _Training:
    """Kept for the next fit: tracing takes longer than a fit on some thousand rows, and Keras's own
    loop takes a multiple of either.
    """
    import keras
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    network = _network(features, layers, seed=0)
    optimizer = keras.optimizers.Adam()
    optimizer.build(network.trainable_variables)
    numbers = tf.TensorSpec([None, features]), tf.TensorSpec([None, 1]), tf.TensorSpec([None])

    def loss(X: Any, y: Any, w: Any) -> Any:
        return keras.losses.binary_crossentropy(y, network(X)) * w

    @tf.function(
        input_signature=(
            *numbers,
            tf.TensorSpec([None], tf.int64),
            tf.TensorSpec([], tf.int64),
            tf.TensorSpec([]),
        )
    )
    def epoch(X: Any, y: Any, w: Any, order: Any, batch: Any, l2: Any) -> None:
        for start in tf.range(0, tf.size(order, tf.int64), batch):
            rows = order[start : start + batch]
            with tf.GradientTape() as tape:
                losses = loss(tf.gather(X, rows), tf.gather(y, rows), tf.gather(w, rows))
                hidden = [tf.reduce_sum(layer.kernel**2) for layer in network.layers[:-1]]
                penalized = tf.reduce_mean(losses) + l2 * tf.add_n(hidden)
            gradients = tape.gradient(penalized, network.trainable_variables)
            optimizer.apply(gradients, network.trainable_variables)

    @tf.function(input_signature=numbers)
    def log_loss(X: Any, y: Any, w: Any) -> Any:
        return tf.reduce_sum(loss(X, y, w)) / tf.reduce_sum(w)

    return _Training(network, optimizer, epoch, log_loss)


def _network(features: int, layers: Sequence[int], seed: int) -> "keras.Model":
    import keras

    initial: list[Any] = [
        keras.initializers.GlorotUniform(seed + at) for at in range(len(layers) + 1)
    ]
    # Named, as Keras would number them by how many were made before in this process.
    hidden = [
        keras.layers.Dense(units, "relu", kernel_initializer=start, name=f"hidden_{at}")
        for at, (units, start) in enumerate(zip(layers, initial, strict=False))
    ]
    last = keras.layers.Dense(1, "sigmoid", kernel_initializer=initial[-1], name="churn")
    return keras.Sequential(
        [keras.Input((features,), name="features"), *hidden, last], name="churn"
    )


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
            new.writestr(zipfile.ZipInfo(name, _EARLIEST), content)
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
