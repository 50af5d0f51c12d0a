"""Publishes vectors: to the online store, and to snapshots, files that serving reads while Redis is
unavailable (`serve/features/snapshot.py`).
"""

import json
import shutil
from pathlib import Path

import numpy as np

from retention_assets.features.vectors import Vectors
from retention_assets.resources.online import OnlineStore, Publication
from serve.features.codec import segment_code
from serve.features.snapshot import (
    IDS_FILE,
    MATRIX_FILE,
    META_FILE,
    SEGMENTS_FILE,
    STATES_FILE,
)
from serve.model.card import fingerprint_of
from serve.states import PUBLISHED

KEEP = 2  # per set of features: a reader may still map the one before


def publish(
    online: OnlineStore, snapshots: Path | None, source: str, vectors: Vectors
) -> Publication:
    """Makes these vectors the ones that are read. If a newer publication of the source is online,
    it stays, and so does its snapshot.
    """
    publication = online.publish(
        source,
        vectors.features,
        vectors.as_of,
        ids=vectors.ids,
        states=vectors.states,
        segments=vectors.segments,
        matrix=vectors.matrix,
    )
    if snapshots is not None and publication.kept_newer is None:
        write_snapshot(snapshots, vectors)
    return publication


def write_snapshot(root: Path, vectors: Vectors) -> Path:
    """Writes the snapshot atomically and removes older ones of the same features.

    Returns its folder.
    """
    fingerprint = fingerprint_of(vectors.features)
    target = root / f"{vectors.as_of.isoformat()}-{fingerprint}"
    draft = root / f".draft-{target.name}"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    np.save(
        draft / IDS_FILE,
        np.array([name.encode() for name in vectors.ids], dtype=np.bytes_),
        allow_pickle=False,
    )
    states = [PUBLISHED.index(state) for state in vectors.states]
    np.save(draft / STATES_FILE, np.array(states, dtype=np.uint8), allow_pickle=False)
    segments = [segment_code(segment) for segment in vectors.segments]
    np.save(draft / SEGMENTS_FILE, np.array(segments, dtype=np.uint8), allow_pickle=False)
    np.save(draft / MATRIX_FILE, vectors.matrix.astype("<f8"), allow_pickle=False)
    meta = {
        "names": vectors.features,
        "fingerprint": fingerprint,
        "as_of": vectors.as_of.isoformat(),
        "rows": len(vectors),
    }
    (draft / META_FILE).write_text(json.dumps(meta))
    _swap(draft, target)
    _prune(root, fingerprint)
    return target


def _swap(draft: Path, target: Path) -> None:
    """A folder cannot replace a folder with files in it, so the old folder is moved first.

    A reader that has mapped its files keeps them.
    """
    aside = target.with_name(f".old-{target.name}")
    shutil.rmtree(aside, ignore_errors=True)
    if target.exists():
        target.replace(aside)
    draft.replace(target)
    shutil.rmtree(aside, ignore_errors=True)


def _prune(root: Path, fingerprint: str) -> None:
    written = sorted(
        root.glob(f"[0-9]*-{fingerprint}"), key=lambda folder: folder.stat().st_mtime_ns
    )
    for folder in written[:-KEEP]:
        shutil.rmtree(folder, ignore_errors=True)


def differing(vectors: Vectors, stored: list, sample: list[int]) -> list[str]:
    """Sampled customers whose stored vector differs from the tables'. NaN equals NaN."""
    return [
        vectors.ids[at]
        for at, vector in zip(sample, stored, strict=True)
        if vector is None
        or (vector.as_of, vector.state, vector.segment)
        != (vectors.as_of, vectors.states[at], vectors.segments[at])
        or not np.array_equal(vector.values, vectors.matrix[at], equal_nan=True)
    ]
