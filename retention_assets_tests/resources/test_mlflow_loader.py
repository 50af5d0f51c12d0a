"""Loading a model folder through MLflow: features by name, files of the logged digest only."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from retention_assets.resources.mlflow_loader import _load_pyfunc
from retention_assets_tests.serve.bundles import FEATURES, logistic
from serve.errors import BundleError
from serve.model.bundle import load_bundle

ROWS = pd.DataFrame(dict(zip(FEATURES, [[3.0, 200.0], [0.9, np.nan], [0.0, 2.0]], strict=True)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A logged model: the bundle at data/<name>, and MLflow's own file beside it."""
    folder = tmp_path / "model" / "data" / "bundle"
    digest = logistic(folder)
    (tmp_path / "model" / "MLmodel").write_text(f"flavors: {{}}\nmetadata:\n  digest: {digest}\n")
    return folder


def test_probabilities_equal_those_of_serving(folder: Path) -> None:
    digest = (folder.parents[1] / "MLmodel").read_text().split()[-1]
    expected = load_bundle(folder, digest).probabilities(ROWS.to_numpy())
    assert _load_pyfunc(str(folder)).predict(ROWS).tolist() == expected.tolist()
    assert 0 < expected[0] < 0.5 < expected[1] < 1


def test_columns_are_selected_by_name(folder: Path) -> None:
    model = _load_pyfunc(str(folder))
    reordered = ROWS[FEATURES[::-1]].assign(customer_id=["C1", "C2"], **{FEATURES[2]: [0, 2]})
    assert model.predict(reordered).tolist() == model.predict(ROWS).tolist()


def test_missing_feature_is_named(folder: Path) -> None:
    with pytest.raises(KeyError, match=FEATURES[1]):
        _load_pyfunc(str(folder)).predict(ROWS.drop(columns=FEATURES[1]))


def test_files_with_another_digest_are_refused(folder: Path) -> None:
    (folder / "model.json").write_text(json.dumps({"coef": [0.0, 0.0, 0.0], "intercept": 9.0}))
    with pytest.raises(BundleError, match="expected digest"):
        _load_pyfunc(str(folder))
