"""The last published vectors on disk: what answers while the online store does not. Read-only and memory-mapped.

A snapshot is a folder `<root>/<as_of>-<fingerprint>` with `ids.npy` (sorted UTF-8 bytes), `matrix.npy` (float64, a row
per id) and `meta.json`. It appears whole, by a rename.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from serve.codec import Vector

IDS, MATRIX, META = "ids.npy", "matrix.npy", "meta.json"


@dataclass(frozen=True)
class Snapshot:
    """All customers' vectors as of one day."""

    identity: tuple[str, int]
    fingerprint: str
    as_of: date
    ids: np.ndarray
    matrix: np.ndarray

    def find(self, customer_ids: list[str]) -> list[Vector | None]:
        """The vector of each customer; None where the snapshot has none."""
        return [self._one(customer_id.encode()) for customer_id in customer_ids]

    def _one(self, customer_id: bytes) -> Vector | None:
        # numpy's bytes drop trailing zeros, so an id that ends in one could be taken for another.
        if len(customer_id) > self.ids.dtype.itemsize or customer_id.endswith(b"\0"):
            return None
        at = int(np.searchsorted(self.ids, np.bytes_(customer_id)))
        if at == len(self.ids) or self.ids[at] != customer_id:
            return None
        return Vector(self.fingerprint, self.as_of, np.array(self.matrix[at]))


def newest(root: Path, fingerprint: str) -> Path | None:
    """The folder that was written last with these features."""
    return max(root.glob(f"[0-9]*-{fingerprint}"), key=lambda folder: folder.stat().st_mtime_ns, default=None)


def identity_of(folder: Path) -> tuple[str, int]:
    """Differs between two snapshots of the same day and features."""
    return folder.name, folder.stat().st_mtime_ns


def open_snapshot(folder: Path) -> Snapshot:
    """Maps a snapshot. ValueError or OSError where the folder is not one."""
    identity = identity_of(folder)
    as_of, fingerprint = folder.name.rsplit("-", 1)
    ids = np.load(folder / IDS, mmap_mode="r", allow_pickle=False)
    matrix = np.load(folder / MATRIX, mmap_mode="r", allow_pickle=False)
    if ids.dtype.kind != "S" or matrix.dtype != np.dtype("<f8") or matrix.ndim != 2 or len(ids) != len(matrix):
        raise ValueError(f"{folder.name} is not a snapshot")
    return Snapshot(identity, fingerprint, date.fromisoformat(as_of), ids, matrix)
