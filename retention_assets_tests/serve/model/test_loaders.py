"""Each kind of model file gives the probabilities of the library that wrote it."""

import json
from pathlib import Path

import numpy as np
import pytest

from retention_assets_tests.serve.bundles import rows
from serve.errors import BundleError
from serve.model.loaders import load_model


def test_xgboost_equals_xgboost_with_missing_values(tmp_path: Path) -> None:
    import xgboost

    matrix, labels = rows()
    fitted = xgboost.XGBClassifier(n_estimators=30, max_depth=4, n_jobs=1).fit(matrix, labels)
    fitted.get_booster().save_model(tmp_path / "model.ubj")
    served = load_model("xgboost", tmp_path / "model.ubj", matrix.shape[1])
    np.testing.assert_allclose(served(matrix), fitted.predict_proba(matrix)[:, 1], atol=1e-6)


def test_forest_equals_scikit_learn(tmp_path: Path) -> None:
    import treelite
    from sklearn.ensemble import RandomForestClassifier

    matrix, labels = rows()
    matrix = np.nan_to_num(matrix)
    fitted = RandomForestClassifier(20, random_state=1).fit(matrix, labels)
    treelite.sklearn.import_model(fitted).serialize(tmp_path / "model.treelite")
    served = load_model("random_forest", tmp_path / "model.treelite", matrix.shape[1])
    np.testing.assert_allclose(served(matrix), fitted.predict_proba(matrix)[:, 1], atol=1e-12)


@pytest.mark.parametrize("style", ["sequential", "functional"])
def test_network_equals_keras(tmp_path: Path, style: str) -> None:
    import keras

    matrix, _ = rows()
    matrix = np.nan_to_num(matrix)
    layers = [
        keras.layers.Dense(8, "relu"),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(4, "relu"),
        keras.layers.Dense(1, "sigmoid"),
    ]
    if style == "sequential":
        network = keras.Sequential([keras.Input((matrix.shape[1],)), *layers])
    else:
        inputs = keras.Input((matrix.shape[1],))
        value = inputs
        for layer in layers:
            value = layer(value)
        network = keras.Model(inputs, value)
    network.save(tmp_path / "model.keras")
    served = load_model("neural_network", tmp_path / "model.keras", matrix.shape[1])
    np.testing.assert_allclose(served(matrix), network(matrix).numpy().ravel(), atol=1e-6)


def test_network_with_a_lambda_layer_is_rejected(tmp_path: Path) -> None:
    import keras

    network = keras.Sequential(
        [keras.Input((3,)), keras.layers.Lambda(lambda x: x), keras.layers.Dense(1, "sigmoid")]
    )
    network.save(tmp_path / "model.keras")
    with pytest.raises(BundleError):
        load_model("neural_network", tmp_path / "model.keras", 3)


def test_logistic_regression_follows_the_formula(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text(json.dumps({"coef": [1.0, -2.0], "intercept": 0.5}))
    served = load_model("logistic_regression", tmp_path / "model.json", 2)
    assert served(np.array([[1.0, 1.0]]))[0] == pytest.approx(1 / (1 + np.exp(0.5)))


def test_model_of_another_width_is_rejected_at_load(tmp_path: Path) -> None:
    import xgboost

    matrix, labels = rows()
    xgboost.XGBClassifier(n_estimators=2).fit(matrix, labels).get_booster().save_model(
        tmp_path / "model.ubj"
    )
    with pytest.raises(BundleError):
        load_model("xgboost", tmp_path / "model.ubj", matrix.shape[1] + 1)
