"""Snapshots of published vectors: whole, replaced on the same day, few, and found by the serving side."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from retention_assets.features.vectors import Vectors
from retention_assets.serving.publish import KEEP, differing, write_snapshot
from serve.model.card import fingerprint_of
from serve.features.codec import Vector
from serve.features.snapshot import newest_snapshot, open_snapshot

FEATURES = ["recency_days", "engagement_score"]
DAY = date(2024, 3, 4)


def vectors(day: date = DAY, first: float = 1.0, features: list[str] = FEATURES) -> Vectors:
    return Vectors(["C1", "Zoë"], day, features, np.array([[first, np.nan], [3.0, -0.0]]), [])


def test_the_serving_side_reads_back_every_bit(tmp_path: Path) -> None:
    written = write_snapshot(tmp_path, vectors())
    assert newest_snapshot(tmp_path, fingerprint_of(FEATURES)) == written
    found = open_snapshot(written).find(["Zoë", "C2", "C1"])
    assert [each and each.as_of for each in found] == [DAY, None, DAY]
    assert found[0] and found[0].values.tobytes() == vectors().matrix[1].tobytes()
    assert found[2] and np.array_equal(found[2].values, [1.0, np.nan], equal_nan=True)


def test_the_same_day_again_replaces_and_who_had_it_open_keeps_it(tmp_path: Path) -> None:
    before = open_snapshot(write_snapshot(tmp_path, vectors(first=1.0)))
    after = open_snapshot(write_snapshot(tmp_path, vectors(first=2.0)))
    assert before.identity != after.identity
    assert [float(each.matrix[0, 0]) for each in (before, after)] == [1.0, 2.0]
    assert len(list(tmp_path.iterdir())) == 1


def test_few_are_kept_of_each_set_of_features(tmp_path: Path) -> None:
    days = [DAY + timedelta(days=step) for step in range(KEEP + 2)]
    write_snapshot(tmp_path, vectors(features=["tenure_days", "monetary"]))
    for day in days:
        write_snapshot(tmp_path, vectors(day))
    kept = sorted(folder.name[:10] for folder in tmp_path.glob(f"*-{fingerprint_of(FEATURES)}"))
    assert kept == [day.isoformat() for day in days[-KEEP:]]
    assert newest_snapshot(tmp_path, fingerprint_of(["tenure_days", "monetary"])) is not None


def test_a_draft_that_a_killed_run_left_is_neither_read_nor_in_the_way(tmp_path: Path) -> None:
    draft = tmp_path / f".draft-{DAY.isoformat()}-{fingerprint_of(FEATURES)}"
    draft.mkdir()
    (draft / "matrix.npy").write_bytes(b"half")
    assert newest_snapshot(tmp_path, fingerprint_of(FEATURES)) is None
    assert [each.name for each in write_snapshot(tmp_path, vectors()).parent.iterdir()] == [
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
def test_any_vector_that_is_not_the_tables_differs(
    stored: np.ndarray | None, wrong: list[str]
) -> None:
    whole, fingerprint = vectors(), fingerprint_of(FEATURES)
    found = [
        Vector(fingerprint, DAY, whole.matrix[0]),
        None if stored is None else Vector(fingerprint, DAY, stored),
    ]
    assert differing(whole, found, [0, 1]) == wrong


def test_a_vector_of_another_day_differs() -> None:
    whole = vectors()
    old = Vector(fingerprint_of(FEATURES), DAY - timedelta(days=1), whole.matrix[0])
    assert differing(whole, [old], [0]) == ["C1"]
