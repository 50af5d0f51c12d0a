"""A model folder is loaded only if it matches its digest and its card."""

import json
import pickle
import shutil
from pathlib import Path

import pytest

from retention_assets_tests.serve.bundles import card, logistic
from serve.errors import BundleError
from serve.model.bundle import digest_of, load_bundle, read_card
from serve.model.card import CARD_FILE


class Planted:
    """Creates a file when it is unpickled."""

    def __reduce__(self) -> tuple:
        return Path.touch, (Path("planted-code-ran"),)


def test_folder_with_the_expected_digest_is_loaded(tmp_path: Path) -> None:
    digest = logistic(tmp_path / "m")
    scorer = load_bundle(tmp_path / "m", digest)
    assert scorer.digest == digest
    assert scorer.features == card()["features"]


def test_digest_depends_on_names_and_bytes_only(tmp_path: Path) -> None:
    digest = logistic(tmp_path / "m")
    shutil.copytree(tmp_path / "m", tmp_path / "copy")
    assert digest_of(tmp_path / "copy") == digest
    (tmp_path / "copy" / "model.json").rename(tmp_path / "copy" / "other.json")
    assert digest_of(tmp_path / "copy") != digest


@pytest.mark.parametrize("change", ["edit", "add", "remove"])
def test_changed_folder_is_rejected_before_it_is_opened(tmp_path: Path, change: str) -> None:
    folder = tmp_path / "m"
    digest = logistic(folder)
    if change == "edit":
        (folder / "model.json").write_text("not even JSON")
    elif change == "add":
        (folder / "extra.txt").write_text("")
    else:
        (folder / "model.json").unlink()
    with pytest.raises(BundleError, match="expected digest"):
        load_bundle(folder, digest)


@pytest.mark.parametrize("name", ["model.pkl", "code/layer.py", "hidden/model.joblib"])
def test_added_pickle_is_rejected_with_matching_digest(
    tmp_path: Path, monkeypatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    logistic(tmp_path / "m")
    planted = tmp_path / "m" / name
    planted.parent.mkdir(exist_ok=True)
    planted.write_bytes(pickle.dumps(Planted()))
    with pytest.raises(BundleError, match="unexpected files"):
        load_bundle(tmp_path / "m", digest_of(tmp_path / "m"))
    assert not Path("planted-code-ran").exists()


@pytest.mark.parametrize(
    "kind", ["xgboost", "random_forest", "neural_network", "logistic_regression"]
)
def test_pickle_as_model_file_is_rejected_and_not_run(
    tmp_path: Path, monkeypatch, kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    content = card(kind)
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / CARD_FILE).write_text(json.dumps(content))
    (folder / content["model_file"]).write_bytes(pickle.dumps(Planted()))
    with pytest.raises(BundleError, match="not a readable"):
        load_bundle(folder, digest_of(folder))
    assert not Path("planted-code-ran").exists()


def test_symbolic_link_is_rejected(tmp_path: Path) -> None:
    logistic(tmp_path / "m")
    (tmp_path / "m" / "model.json").rename(tmp_path / "model.json")
    (tmp_path / "m" / "model.json").symlink_to(tmp_path / "model.json")
    with pytest.raises(BundleError, match="symbolic link"):
        load_bundle(tmp_path / "m", digest_of(tmp_path / "m"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fingerprint": "0" * 16}, "fingerprint"),
        ({"format": 2}, "format"),
        ({"kind": "pickle"}, "kind"),
        ({"model_file": "../model.json"}, "must be model.json"),
        ({"threshold": 1.5}, "threshold"),
        ({"confidence": {"edges": [0.0, 1.0], "half_width": [0.1, 0.1]}}, "one half_width per bin"),
        ({"reference": {"median": [0.0], "low": [0.0], "high": [1.0]}}, "one entry per feature"),
        ({"calibration": {"kind": "platt", "a": float("inf"), "b": 0.0}}, "calibration"),
    ],
)
def test_inconsistent_card_is_rejected(tmp_path: Path, changes: dict, message: str) -> None:
    logistic(tmp_path / "m")
    (tmp_path / "m" / CARD_FILE).write_text(json.dumps(card() | changes))
    with pytest.raises(BundleError, match=message):
        load_bundle(tmp_path / "m", digest_of(tmp_path / "m"))


@pytest.mark.parametrize("text", [None, "{", "[]"])
def test_folder_without_a_readable_card_is_rejected(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / CARD_FILE).write_text(text)
    with pytest.raises(BundleError):
        read_card(tmp_path)


def test_errors_contain_no_path(tmp_path: Path) -> None:
    with pytest.raises(BundleError) as error_info:
        load_bundle(tmp_path / "absent", "0" * 64)
    assert str(tmp_path) not in str(error_info.value)
