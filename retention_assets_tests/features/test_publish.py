"""Snapshots of published vectors: written atomically, few, and readable by serving."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from retention_assets.features.publish import KEEP, differing, write_snapshot
from retention_assets.features.vectors import Vectors
from serve.features.codec import Vector
from serve.features.snapshot import newest_snapshot, open_snapshot
from serve.model.card import fingerprint_of
from serve.states import ACTIVE, LAPSED

FEATURES = ["recency_days", "engagement_score"]
DAY = date(2024, 3, 4)


def vectors(day: date = DAY, first: float = 1.0, features: list[str] = FEATURES) -> Vectors:
    matrix = np.array([[first, np.nan], [3.0, -0.0]])
    return Vectors(["C1", "Zoë"], [ACTIVE, LAPSED], ["champions", None], day, features, matrix, [])


def test_serving_reads_back_every_bit(tmp_path: Path) -> None:
    written = write_snapshot(tmp_path, vectors())
    assert newest_snapshot(tmp_path, fingerprint_of(FEATURES)) == written
    read = open_snapshot(written).find(["Zoë", "C2", "C1"])
    assert [vector and vector.as_of for vector in read] == [DAY, None, DAY]
    assert [vector and vector.state for vector in read] == [LAPSED, None, ACTIVE]
    assert [vector and vector.segment for vector in read] == [None, None, "champions"]
    assert read[0] and read[0].values.tobytes() == vectors().matrix[1].tobytes()
    assert read[2] and np.array_equal(read[2].values, [1.0, np.nan], equal_nan=True)


def test_same_day_replaces_the_snapshot_and_readers_keep_theirs(tmp_path: Path) -> None:
    before = open_snapshot(write_snapshot(tmp_path, vectors(first=1.0)))
    after = open_snapshot(write_snapshot(tmp_path, vectors(first=2.0)))
    assert before.identity != after.identity
    assert [float(snapshot.matrix[0, 0]) for snapshot in (before, after)] == [1.0, 2.0]
    assert len(list(tmp_path.iterdir())) == 1


def test_newest_snapshots_per_feature_set_are_kept(tmp_path: Path) -> None:
    days = [DAY + timedelta(days=step) for step in range(KEEP + 2)]
    write_snapshot(tmp_path, vectors(features=["tenure_days", "monetary"]))
    for day in days:
        write_snapshot(tmp_path, vectors(day))
    kept = sorted(folder.name[:10] for folder in tmp_path.glob(f"*-{fingerprint_of(FEATURES)}"))
    assert kept == [day.isoformat() for day in days[-KEEP:]]
    assert newest_snapshot(tmp_path, fingerprint_of(["tenure_days", "monetary"])) is not None


def test_draft_of_a_killed_run_is_not_read_and_is_replaced(tmp_path: Path) -> None:
    draft = tmp_path / f".draft-{DAY.isoformat()}-{fingerprint_of(FEATURES)}"
    draft.mkdir()
    (draft / "matrix.npy").write_bytes(b"half")
    assert newest_snapshot(tmp_path, fingerprint_of(FEATURES)) is None
    assert [folder.name for folder in write_snapshot(tmp_path, vectors()).parent.iterdir()] == [
        draft.name.removeprefix(".draft-")
    ]


@pytest.mark.parametrize(
    ("stored", "wrong"),
    [
        (np.array([3.0, -0.0]), []),
        (np.array([3.0, np.nan]), ["Zoë"]),
        (np.array([np.nextafter(3.0, 4.0), 0.0]), ["Zoë"]),
        (None, ["Zoë"]),
    ],
    ids=["same", "unknown", "the last bit", "none"],
)
def test_vector_unequal_to_the_tables_differs(stored: np.ndarray | None, wrong: list[str]) -> None:
    whole = vectors()
    fingerprint = fingerprint_of(FEATURES)
    online = [
        Vector(fingerprint, DAY, ACTIVE, whole.matrix[0], "champions"),
        None if stored is None else Vector(fingerprint, DAY, LAPSED, stored),
    ]
    assert differing(whole, online, [0, 1]) == wrong


def test_vector_of_another_day_state_or_segment_differs() -> None:
    whole = vectors()
    fingerprint = fingerprint_of(FEATURES)
    old = Vector(fingerprint, DAY - timedelta(days=1), ACTIVE, whole.matrix[0], "champions")
    lapsed = Vector(fingerprint, DAY, LAPSED, whole.matrix[0], "champions")
    moved = Vector(fingerprint, DAY, ACTIVE, whole.matrix[0], "regulars")
    assert differing(whole, [old, lapsed, moved], [0, 0, 0]) == ["C1"] * 3
