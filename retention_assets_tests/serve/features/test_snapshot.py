"""Each customer has its own vector in a snapshot; other folders are not read and run no code."""

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

from retention_assets.features.publish import write_snapshot
from retention_assets.features.vectors import Vectors
from retention_assets_tests.serve.bundles import AS_OF, FEATURES, HOME
from retention_assets_tests.serve.features.test_store import ROWS, snapshot
from retention_assets_tests.serve.model.test_bundle import Planted
from serve.errors import UnavailableError
from serve.features.snapshot import (
    IDS_FILE,
    MATRIX_FILE,
    SEGMENTS_FILE,
    STATES_FILE,
    newest_snapshot,
    open_snapshot,
)
from serve.features.store import VectorReader
from serve.model.card import fingerprint_of
from serve.states import PUBLISHED as STATES

FINGERPRINT = fingerprint_of(FEATURES)
# Few letters, so that ids are prefixes of others. No published id ends in NUL, which numpy drops.
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
@given(published=PUBLISHED, unpublished=st.lists(ID | st.text(max_size=20), max_size=5))
def test_each_id_has_its_own_row_and_others_none(
    published: list[str], unpublished: list[str]
) -> None:
    ids = sorted(published, key=str.encode)
    rows = {name: float(position) for position, name in enumerate(ids)}
    with tempfile.TemporaryDirectory() as root:
        matrix = np.array([[rows[name]] for name in ids])
        states = [STATES[position % len(STATES)] for position in range(len(ids))]
        vectors = Vectors(ids, states, [None] * len(ids), AS_OF, ["f"], matrix, [])
        opened = open_snapshot(write_snapshot(Path(root), vectors))
        names = [*published, *unpublished, *(f"{name}\x00" for name in published)]
        read = [vector and (vector.state, vector.values.tolist()) for vector in opened.find(names)]
    expected = {name: (state, [rows[name]]) for name, state in zip(ids, states, strict=True)}
    assert read == [expected.get(name) for name in names]


def test_changing_a_vector_does_not_change_the_snapshot(tmp_path: Path) -> None:
    snapshot(tmp_path)
    folder = newest_snapshot(tmp_path, FINGERPRINT)
    assert folder is not None
    opened = open_snapshot(folder)
    (vector,) = opened.find(["a"])
    assert vector is not None
    vector.values[:] = 99.0
    (again,) = opened.find(["a"])
    assert again is not None and again.values.tolist() == ROWS["a"]
    with pytest.raises(ValueError, match="read-only"):
        opened.matrix[0, 0] = 99.0


FAULTS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "empty ids file": (IDS_FILE, lambda content: b""),
    "empty states file": (STATES_FILE, lambda content: b""),
    "missing state": (STATES_FILE, lambda content: npy(np.zeros(1, dtype="u1"))),
    "state without a name": (STATES_FILE, lambda content: npy(np.full(2, 4, dtype="u1"))),
    "signed states": (STATES_FILE, lambda content: npy(np.zeros(2, dtype="i1"))),
    "missing segment": (SEGMENTS_FILE, lambda content: npy(np.zeros(1, dtype="u1"))),
    "wide segments": (SEGMENTS_FILE, lambda content: npy(np.zeros(2, dtype="u2"))),
    "empty matrix file": (MATRIX_FILE, lambda content: b""),
    "npz archive": (IDS_FILE, lambda content: npz(np.array([b"a", b"b"]))),
    "truncated npz archive": (IDS_FILE, lambda content: npz(np.array([b"a", b"b"]))[:40]),
    "invalid Python header": (
        MATRIX_FILE,
        lambda content: content.replace(b"{'descr'", b"{{'descr"),
    ),
    "unterminated header": (MATRIX_FILE, lambda content: content.replace(b"}", b"(")),
    "scalar id": (IDS_FILE, lambda content: npy(np.array(b"a"))),
    "ids in columns": (IDS_FILE, lambda content: npy(np.array([[b"a"], [b"b"]]))),
    "pickle as ids": (IDS_FILE, lambda content: pickle.dumps(Planted())),
    "pickle as matrix": (MATRIX_FILE, lambda content: pickle.dumps(Planted())),
    "pickle inside an array": (
        IDS_FILE,
        lambda content: npy(np.array([Planted(), Planted()], dtype=object), pickled=True),
    ),
    "truncated ids": (IDS_FILE, lambda content: content[:-1]),
    "truncated matrix": (MATRIX_FILE, lambda content: content[:-8]),
    "truncated header": (MATRIX_FILE, lambda content: content[:40]),
    "text ids": (IDS_FILE, lambda content: npy(np.array(["a", "b"]))),
    "float32 matrix": (MATRIX_FILE, lambda content: npy(np.zeros((2, 3), dtype="<f4"))),
    "big-endian matrix": (MATRIX_FILE, lambda content: npy(np.zeros((2, 3), dtype=">f8"))),
    "missing row": (MATRIX_FILE, lambda content: npy(np.zeros((1, 3)))),
    "one-dimensional matrix": (MATRIX_FILE, lambda content: npy(np.zeros(2))),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_invalid_snapshot_is_not_read_and_runs_no_code(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    snapshot(tmp_path / "snapshots")
    folder = newest_snapshot(tmp_path / "snapshots", FINGERPRINT)
    assert folder is not None
    name, corrupt = FAULTS[fault]
    (folder / name).write_bytes(corrupt((folder / name).read_bytes()))
    with pytest.raises((ValueError, OSError)):
        open_snapshot(folder)
    with pytest.raises(UnavailableError, match="no snapshot"):
        asyncio.run(
            VectorReader("unix:///nowhere/s", HOME, timeout_s=0.1, snapshots=folder.parent).fetch(
                ["a"], FINGERPRINT, len(FEATURES)
            )
        )
    assert not Path("planted-code-ran").exists()


def test_snapshot_of_an_earlier_version_has_no_segments(tmp_path: Path) -> None:
    snapshot(tmp_path, segment="champions")
    folder = newest_snapshot(tmp_path, FINGERPRINT)
    assert folder is not None
    (known,) = open_snapshot(folder).find(["a"])
    (folder / SEGMENTS_FILE).unlink()
    (unknown,) = open_snapshot(folder).find(["a"])
    assert known and unknown
    assert (known.segment, unknown.segment) == ("champions", None)
    assert unknown.values.tolist() == known.values.tolist()


@pytest.mark.parametrize("missing", [IDS_FILE, STATES_FILE, MATRIX_FILE])
def test_incomplete_snapshot_is_not_opened(missing: str, tmp_path: Path) -> None:
    snapshot(tmp_path)
    folder = newest_snapshot(tmp_path, FINGERPRINT)
    assert folder is not None
    (folder / missing).unlink()
    with pytest.raises(OSError):
        open_snapshot(folder)


@pytest.mark.parametrize(
    "name", [f"2024-13-01-{FINGERPRINT}", f"20240304x-{FINGERPRINT}", f"1-{FINGERPRINT}"]
)
def test_folder_name_without_a_date_is_not_opened(name: str, tmp_path: Path) -> None:
    snapshot(tmp_path)
    folder = newest_snapshot(tmp_path, FINGERPRINT)
    assert folder is not None
    with pytest.raises(ValueError):
        open_snapshot(folder.rename(tmp_path / name))


def test_newest_snapshot_has_the_same_features(tmp_path: Path) -> None:
    snapshot(tmp_path)
    assert (
        newest_snapshot(tmp_path, FINGERPRINT[:-1]) is None
        and newest_snapshot(tmp_path, "0" * 16) is None
    )
    assert newest_snapshot(tmp_path / "nowhere", FINGERPRINT) is None
