"""Each kind of model file, read without the library that wrote it, gives that library's probabilities."""

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


def test_a_forest_equals_scikit_learn(tmp_path: Path) -> None:
    import treelite
    from sklearn.ensemble import RandomForestClassifier

    matrix, labels = rows()
    matrix = np.nan_to_num(matrix)
    fitted = RandomForestClassifier(20, random_state=1).fit(matrix, labels)
    treelite.sklearn.import_model(fitted).serialize(tmp_path / "model.treelite")
    served = load_model("random_forest", tmp_path / "model.treelite", matrix.shape[1])
    np.testing.assert_allclose(served(matrix), fitted.predict_proba(matrix)[:, 1], atol=1e-12)


@pytest.mark.parametrize("style", ["sequential", "functional"])
def test_a_network_equals_keras(tmp_path: Path, style: str) -> None:
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
        value = given = keras.Input((matrix.shape[1],))
        for layer in layers:
            value = layer(value)
        network = keras.Model(given, value)
    network.save(tmp_path / "model.keras")
    served = load_model("neural_network", tmp_path / "model.keras", matrix.shape[1])
    np.testing.assert_allclose(served(matrix), network(matrix).numpy().ravel(), atol=1e-6)


def test_a_network_with_a_layer_that_could_run_code_is_refused(tmp_path: Path) -> None:
    import keras

    network = keras.Sequential(
        [keras.Input((3,)), keras.layers.Lambda(lambda x: x), keras.layers.Dense(1, "sigmoid")]
    )
    network.save(tmp_path / "model.keras")
    with pytest.raises(BundleError):
        load_model("neural_network", tmp_path / "model.keras", 3)


def test_logistic_is_the_formula(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text(json.dumps({"coef": [1.0, -2.0], "intercept": 0.5}))
    served = load_model("logistic_regression", tmp_path / "model.json", 2)
    assert served(np.array([[1.0, 1.0]]))[0] == pytest.approx(1 / (1 + np.exp(0.5)))


def test_a_model_of_another_width_is_refused_at_load(tmp_path: Path) -> None:
    import xgboost

    matrix, labels = rows()
    xgboost.XGBClassifier(n_estimators=2).fit(matrix, labels).get_booster().save_model(
        tmp_path / "model.ubj"
    )
    with pytest.raises(BundleError):
        load_model("xgboost", tmp_path / "model.ubj", matrix.shape[1] + 1)
