"""The last published vectors on disk: what answers while the online store does not. Read-only and memory-mapped.

A snapshot is a folder `<root>/<as_of>-<fingerprint>` with `ids.npy` (sorted UTF-8 bytes), `matrix.npy` (float64, a row
per id) and `meta.json`. It appears whole, by a rename.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tokenize import TokenError

import numpy as np
from numpy.lib.format import open_memmap

from serve.features.codec import Vector

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
    return max(
        root.glob(f"[0-9]*-{fingerprint}"),
        key=lambda folder: folder.stat().st_mtime_ns,
        default=None,
    )


def identity_of(folder: Path) -> tuple[str, int]:
    """Differs between two snapshots of the same day and features."""
    return folder.name, folder.stat().st_mtime_ns


def open_snapshot(folder: Path) -> Snapshot:
    """Maps a snapshot. ValueError or OSError where the folder is not one."""
    identity = identity_of(folder)
    as_of, fingerprint = folder.name.rsplit("-", 1)
    ids, matrix = _mapped(folder / IDS), _mapped(folder / MATRIX)
    shaped = ids.ndim == 1 and matrix.ndim == 2 and len(ids) == len(matrix)
    if not shaped or ids.dtype.kind != "S" or matrix.dtype != np.dtype("<f8"):
        raise ValueError(f"{folder.name} is not a snapshot")
    return Snapshot(identity, fingerprint, date.fromisoformat(as_of), ids, matrix)


def _mapped(file: Path) -> np.ndarray:
    """The array of an npy file, and of no other kind that numpy could open. ValueError or OSError where it is none."""
    try:
        return open_memmap(file, mode="r")
    except (SyntaxError, TokenError) as error:  # numpy parses a header as Python's literals
        raise ValueError(f"{file.name} has no sound header") from error
