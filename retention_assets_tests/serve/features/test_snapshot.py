"""A snapshot gives each customer its own vector or none, and a folder that is not one gives nothing and runs nothing."""

import asyncio
import io
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention_assets.features.vectors import Vectors
from retention_assets.serving.publish import write_snapshot
from retention_assets_tests.serve.bundles import AS_OF, FEATURES
from retention_assets_tests.serve.features.test_store import ROWS, snapshot
from retention_assets_tests.serve.model.test_bundle import Planted
from serve.errors import UnavailableError
from serve.features.snapshot import IDS, MATRIX, newest, open_snapshot
from serve.features.store import FeatureStore
from serve.model.card import fingerprint_of

FINGERPRINT = fingerprint_of(FEATURES)
# Few letters, so that ids begin with one another; a trailing NUL, which numpy drops, is no published id's.
ID = st.text("aé\U0001f600b\x00", min_size=1, max_size=5)
PUBLISHED = st.lists(
    ID.filter(lambda name: not name.endswith("\x00")), min_size=1, max_size=12, unique=True
)


def npy(array: np.ndarray, pickled: bool = False) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=pickled)
    return file.getvalue()


def npz(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, array)
    return file.getvalue()


@settings(max_examples=100, deadline=None)
@given(published=PUBLISHED, strangers=st.lists(ID | st.text(max_size=20), max_size=5))
def test_each_id_finds_its_own_row_and_a_stranger_none(
    published: list[str], strangers: list[str]
) -> None:
    ids = sorted(published, key=str.encode)
    rows = {name: float(at) for at, name in enumerate(ids)}
    with tempfile.TemporaryDirectory() as root:
        matrix = np.array([[rows[name]] for name in ids])
        opened = open_snapshot(write_snapshot(Path(root), Vectors(ids, AS_OF, ["f"], matrix, [])))
        asked = [*published, *strangers, *(f"{name}\x00" for name in published)]
        found = [vector and vector.values.tolist() for vector in opened.find(asked)]
    assert found == [[rows[name]] if name in rows else None for name in asked]


def test_an_answer_cannot_change_what_the_next_one_reads(tmp_path: Path) -> None:
    snapshot(tmp_path)
    folder = newest(tmp_path, FINGERPRINT)
    assert folder is not None
    opened = open_snapshot(folder)
    (vector,) = opened.find(["a"])
    assert vector is not None
    vector.values[:] = 99.0
    (again,) = opened.find(["a"])
    assert again is not None and again.values.tolist() == ROWS["a"]
    with pytest.raises(ValueError, match="read-only"):
        opened.matrix[0, 0] = 99.0


BROKEN: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "nothing": (IDS, lambda good: b""),
    "nothing for numbers": (MATRIX, lambda good: b""),
    "an archive of arrays": (IDS, lambda good: npz(np.array([b"a", b"b"]))),
    "an archive cut off": (IDS, lambda good: npz(np.array([b"a", b"b"]))[:40]),
    "a header that is no Python": (MATRIX, lambda good: good.replace(b"{'descr'", b"{{'descr")),
    "a header without an end": (MATRIX, lambda good: good.replace(b"}", b"(")),
    "one id, not a list": (IDS, lambda good: npy(np.array(b"a"))),
    "ids in columns": (IDS, lambda good: npy(np.array([[b"a"], [b"b"]]))),
    "a planted pickle for ids": (IDS, lambda good: pickle.dumps(Planted())),
    "a planted pickle for numbers": (MATRIX, lambda good: pickle.dumps(Planted())),
    "a pickle inside an array": (
        IDS,
        lambda good: npy(np.array([Planted(), Planted()], dtype=object), pickled=True),
    ),
    "ids cut off": (IDS, lambda good: good[:-1]),
    "numbers cut off": (MATRIX, lambda good: good[:-8]),
    "a header cut off": (MATRIX, lambda good: good[:40]),
    "ids that are text": (IDS, lambda good: npy(np.array(["a", "b"]))),
    "numbers of another width": (MATRIX, lambda good: npy(np.zeros((2, 3), dtype="<f4"))),
    "numbers of another order of bytes": (MATRIX, lambda good: npy(np.zeros((2, 3), dtype=">f8"))),
    "a row too few": (MATRIX, lambda good: npy(np.zeros((1, 3)))),
    "no rows and columns": (MATRIX, lambda good: npy(np.zeros(2))),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_folder_that_is_not_a_snapshot_is_not_read_and_not_run(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    snapshot(tmp_path / "snapshots")
    folder = newest(tmp_path / "snapshots", FINGERPRINT)
    assert folder is not None
    name, spoil = BROKEN[fault]
    (folder / name).write_bytes(spoil((folder / name).read_bytes()))
    with pytest.raises((ValueError, OSError)):
        open_snapshot(folder)
    with pytest.raises(UnavailableError, match="no snapshot"):
        asyncio.run(
            FeatureStore("unix:///nowhere/s", 0.1, folder.parent).fetch(
                ["a"], FINGERPRINT, len(FEATURES)
            )
        )
    assert not Path("planted-code-ran").exists()


@pytest.mark.parametrize("missing", [IDS, MATRIX])
def test_half_a_snapshot_is_none(missing: str, tmp_path: Path) -> None:
    snapshot(tmp_path)
    folder = newest(tmp_path, FINGERPRINT)
    assert folder is not None
    (folder / missing).unlink()
    with pytest.raises(OSError):
        open_snapshot(folder)


@pytest.mark.parametrize(
    "name", [f"2024-13-01-{FINGERPRINT}", f"20240304x-{FINGERPRINT}", f"1-{FINGERPRINT}"]
)
def test_a_folder_whose_name_is_no_day_is_none(name: str, tmp_path: Path) -> None:
    snapshot(tmp_path)
    folder = newest(tmp_path, FINGERPRINT)
    assert folder is not None
    with pytest.raises(ValueError):
        open_snapshot(folder.rename(tmp_path / name))


def test_a_snapshot_of_other_features_is_not_the_newest(tmp_path: Path) -> None:
    snapshot(tmp_path)
    assert newest(tmp_path, FINGERPRINT[:-1]) is None and newest(tmp_path, "0" * 16) is None
    assert newest(tmp_path / "nowhere", FINGERPRINT) is None
