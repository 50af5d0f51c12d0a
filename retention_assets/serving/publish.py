"""Snapshots of published vectors, which answer while Redis is away. Pure files; `serve/features/snapshot.py` reads them."""

import json
import shutil
from pathlib import Path

import numpy as np

from retention_assets.features.vectors import Vectors
from serve.model.card import fingerprint_of
from serve.features.snapshot import IDS_FILE, MATRIX_FILE, META_FILE

KEEP = 2  # per set of features: a reader may still map the one before


def write_snapshot(root: Path, vectors: Vectors) -> Path:
    """Writes the snapshot whole or not at all, and drops the oldest of the same features. Returns its folder."""
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
    """A folder cannot replace one that holds files, so the old one steps aside first; who maps it keeps its bytes."""
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
    """The sampled customers whose stored vector is not the table's, bit for bit (NaN equals NaN)."""
    return [
        vectors.ids[at]
        for at, found in zip(sample, stored, strict=True)
        if found is None
        or found.as_of != vectors.as_of
        or not np.array_equal(found.values, vectors.matrix[at], equal_nan=True)
    ]
