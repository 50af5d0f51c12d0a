"""A feature vector as bytes: fingerprint of the names, as-of day, values. Shared by who writes and who reads them.

Layout: 16 ASCII hex digits, int32 days since 1970-01-01, then float64 per feature; little endian; NaN = not known.
"""

import struct
from dataclasses import dataclass
from datetime import date

import numpy as np

KEY_PREFIX = "features:"
META_KEY = "features-meta"  # outside the prefix: no customer's identifier can name it

_HEADER = struct.Struct("<16si")
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class Vector:
    """One customer's features as of midnight at the start of `as_of`, in the order that `fingerprint` stands for."""

    fingerprint: str
    as_of: date
    values: np.ndarray


def encode(fingerprint: str, as_of: date, values: np.ndarray) -> bytes:
    head = _HEADER.pack(fingerprint.encode("ascii"), as_of.toordinal() - _EPOCH)
    return head + np.asarray(values, dtype="<f8").tobytes()


def decode(blob: bytes, fingerprint: str, features: int) -> Vector | None:
    """The vector, or None where the bytes are of another set of features or not a vector at all."""
    if len(blob) != _HEADER.size + 8 * features:
        return None
    found, days = _HEADER.unpack_from(blob)
    if found != fingerprint.encode("ascii"):
        return None
    return Vector(
        fingerprint,
        date.fromordinal(days + _EPOCH),
        np.frombuffer(blob, dtype="<f8", offset=_HEADER.size),
    )


def key_of(customer_id: str) -> str:
    return f"{KEY_PREFIX}{customer_id}"
