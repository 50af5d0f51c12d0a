"""Fitting the same rows gives the same archive, with the weights of the best epoch."""

import io
import json
import zipfile

import h5py
import numpy as np
import pytest

from retention_assets.modeling.candidates.neural_network import fit
from retention_assets.modeling.candidates.rows import Fitted
from retention_assets.modeling.pipeline import served_model
from retention_assets_tests.modeling.factories import examples, fit_rows

ROWS = fit_rows(examples(customers=60, weeks=4))
# A high learning rate makes the loss rise early; without penalty, the loss is the log loss.
PARAMS = {"layers": (8,), "epochs": 6, "patience": 2, "batch": 32, "learning_rate": 0.3, "l2": 0.0}


@pytest.fixture(scope="module")
def twice() -> tuple[Fitted, Fitted]:
    """The same rows fitted twice in one process, with other fits between: they share a network."""
    first = fit(ROWS, PARAMS, seed=7)
    fit(ROWS, PARAMS | {"learning_rate": 0.01, "l2": 0.1}, seed=8)
    fit(ROWS, PARAMS | {"layers": (4, 2)}, seed=7)
    return first, fit(ROWS, PARAMS, seed=7)


def test_second_fit_gives_same_bytes(twice: tuple[Fitted, Fitted]) -> None:
    assert twice[0].model == twice[1].model and twice[0].notes == twice[1].notes


def test_archive_holds_only_layers_and_weights(
    twice: tuple[Fitted, Fitted],
) -> None:
    with zipfile.ZipFile(io.BytesIO(twice[0].model)) as archive:
        members = archive.infolist()
        metadata, config = (
            json.loads(archive.read(f"{name}.json")) for name in ("metadata", "config")
        )
    assert {member.filename for member in members} == {
        "config.json",
        "metadata.json",
        "model.weights.h5",
    }
    assert {member.date_time for member in members} == {(1980, 1, 1, 0, 0, 0)}
    assert metadata["date_saved"].startswith("1980-01-01")
    assert "shared_object_id" not in json.dumps(config) and not config.get("compile_config")


def test_network_keeps_weights_of_best_epoch(
    twice: tuple[Fitted, Fitted],
) -> None:
    fitted = twice[0]
    assert fitted.preprocess is not None
    served = served_model("neural_network", fitted.model, ROWS.X.shape[1])
    p = served(fitted.preprocess.apply(ROWS.X[ROWS.stop]))
    y = ROWS.y[ROWS.stop]
    loss = float(-np.mean(np.log(np.where(y > 0, p, 1 - p))))
    assert loss == pytest.approx(fitted.notes["stop_log_loss"], abs=1e-6)
    assert loss < np.log(2) and fitted.notes["epochs"] <= PARAMS["epochs"]


def test_penalty_makes_hidden_weights_smaller(twice: tuple[Fitted, Fitted]) -> None:
    def size(fitted: Fitted) -> float:
        with zipfile.ZipFile(io.BytesIO(fitted.model)) as archive:
            content = io.BytesIO(archive.read("model.weights.h5"))
        with h5py.File(content) as weights:
            kernel = np.asarray(weights["layers/dense/vars/0"])
        return float(np.square(kernel).sum())

    assert size(fit(ROWS, PARAMS | {"l2": 1.0}, seed=7)) < 0.5 * size(twice[0])


def test_weights_that_became_infinite_are_an_error() -> None:
    with pytest.raises(ValueError, match="not a number"):
        fit(ROWS, PARAMS | {"learning_rate": 1e38}, seed=7)
