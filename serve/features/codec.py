"""The byte format of a feature vector, shared by the platform, which writes it, and the service.

Layout, little endian: fingerprint of the feature names (16 ASCII hex digits), days since 1970-01-01
(int32), then a float64 per feature. NaN stands for an unknown value.
"""

import struct
from dataclasses import dataclass
from datetime import date

import numpy as np

_HEADER = struct.Struct("<16si")
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class RedisKeys:
    """The Redis keys of one home. Homes that share a Redis have different names."""

    home: str

    @property
    def prefix(self) -> str:
        """What the keys of all vectors begin with."""
        return f"{self.home}:features:"

    @property
    def meta(self) -> str:
        """The key of the last publication; outside the prefix, so that no customer id names it."""
        return f"{self.home}:features-meta"

    def of(self, customer_id: str) -> str:
        """The key of a customer's vector."""
        return f"{self.prefix}{customer_id}"


@dataclass(frozen=True)
class Vector:
    """A customer's features as of midnight at the start of `as_of`.

    `fingerprint` identifies the names and the order of the values.
    """

    fingerprint: str
    as_of: date
    values: np.ndarray


def encode(fingerprint: str, as_of: date, values: np.ndarray) -> bytes:
    """The bytes of a vector."""
    header = _HEADER.pack(fingerprint.encode("ascii"), as_of.toordinal() - _EPOCH)
    return header + np.asarray(values, dtype="<f8").tobytes()


def decode(blob: bytes, fingerprint: str, features: int) -> Vector | None:
    """The vector; None where the bytes are no vector, or one of other features."""
    if len(blob) != _HEADER.size + 8 * features:
        return None
    stored_fingerprint, days = _HEADER.unpack_from(blob)
    if stored_fingerprint != fingerprint.encode("ascii"):
        return None
    values = np.frombuffer(blob, dtype="<f8", offset=_HEADER.size)
    return Vector(fingerprint, date.fromordinal(days + _EPOCH), values)
