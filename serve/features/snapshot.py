"""The last published vectors on disk, which are used while the online store does not answer.

A snapshot is a folder `<root>/<as_of>-<fingerprint>` with `ids.npy` (sorted UTF-8 bytes),
`states.npy` (uint8, the place of each id's state in `PUBLISHED`), `segments.npy` (uint8, see
codec.py; those of an earlier version lack it), `matrix.npy` (float64, one row per id) and
`meta.json`. The folder is complete when it appears. It is memory-mapped and never written here.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tokenize import TokenError

import numpy as np
from numpy.lib.format import open_memmap

from serve.features.codec import NO_SEGMENT, Vector, segment_of
from serve.states import PUBLISHED

IDS_FILE = "ids.npy"
STATES_FILE = "states.npy"
SEGMENTS_FILE = "segments.npy"
MATRIX_FILE = "matrix.npy"
META_FILE = "meta.json"


@dataclass(frozen=True)
class Snapshot:
    """The vectors of all customers as of one day."""

    identity: tuple[str, int]
    fingerprint: str
    as_of: date
    ids: np.ndarray
    states: np.ndarray
    segments: np.ndarray
    matrix: np.ndarray

    def find(self, customer_ids: list[str]) -> list[Vector | None]:
        """The vector of each customer; None where the snapshot has none."""
        return [self._find_one(customer_id.encode()) for customer_id in customer_ids]

    def _find_one(self, customer_id: bytes) -> Vector | None:
        # numpy drops trailing zero bytes, so an id that ends in one could match another id.
        if len(customer_id) > self.ids.dtype.itemsize or customer_id.endswith(b"\0"):
            return None
        row = int(np.searchsorted(self.ids, np.bytes_(customer_id)))
        if row == len(self.ids) or self.ids[row] != customer_id:
            return None
        state = PUBLISHED[self.states[row]]
        segment = segment_of(int(self.segments[row]))
        return Vector(self.fingerprint, self.as_of, state, np.array(self.matrix[row]), segment)


def newest_snapshot(root: Path, fingerprint: str) -> Path | None:
    """The folder of these features that was written last."""
    return max(
        root.glob(f"[0-9]*-{fingerprint}"),
        key=lambda folder: folder.stat().st_mtime_ns,
        default=None,
    )


def snapshot_identity(folder: Path) -> tuple[str, int]:
    """A value that differs between two snapshots, even of the same day and features."""
    return folder.name, folder.stat().st_mtime_ns


def open_snapshot(folder: Path) -> Snapshot:
    """Maps a snapshot into memory. Raises ValueError or OSError where the folder is not one."""
    identity = snapshot_identity(folder)
    as_of, fingerprint = folder.name.rsplit("-", 1)
    ids = _map_array(folder / IDS_FILE)
    states = _map_array(folder / STATES_FILE)
    matrix = _map_array(folder / MATRIX_FILE)
    segments = _map_segments(folder, len(states))
    shapes = {ids.shape, states.shape, segments.shape, matrix.shape[:1]}
    has_right_shape = len(shapes) == 1 and matrix.ndim == 2
    types = (states.dtype, segments.dtype, matrix.dtype)
    has_right_types = ids.dtype.kind == "S" and types == ("u1", "u1", "<f8")
    if not has_right_shape or not has_right_types or np.any(states >= len(PUBLISHED)):
        raise ValueError(f"{folder.name} is not a snapshot")
    return Snapshot(identity, fingerprint, date.fromisoformat(as_of), ids, states, segments, matrix)


def _map_segments(folder: Path, rows: int) -> np.ndarray:
    file = folder / SEGMENTS_FILE
    return _map_array(file) if file.exists() else np.full(rows, NO_SEGMENT, dtype="u1")


def _map_array(file: Path) -> np.ndarray:
    """The array of an npy file. Raises ValueError or OSError for any other kind of file."""
    try:
        return open_memmap(file, mode="r")
    except (SyntaxError, TokenError) as error:  # numpy parses the header as Python literals
        raise ValueError(f"{file.name} has an invalid header") from error
