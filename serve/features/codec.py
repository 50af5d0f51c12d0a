"""The byte format of a feature vector, shared by the platform, which writes it, and the service.

Layout, little endian: fingerprint of the feature names (16 ASCII hex digits), days since 1970-01-01
(int32), state of the customer (its place in `PUBLISHED`, uint8), then a float64 per feature. NaN
stands for an unknown value.
"""

import struct
from dataclasses import dataclass
from datetime import date

import numpy as np

from serve.states import PUBLISHED

_HEADER = struct.Struct("<16siB")
_EPOCH = date(1970, 1, 1).toordinal()
DESCRIPTION = ""  # no customer's id is empty


@dataclass(frozen=True)
class RedisKeys:
    """The Redis keys of one home. Homes that share a Redis have different names.

    A publication is one hash: a customer's vector is the field with the customer's id, and the
    field `DESCRIPTION` describes the publication. So one HMGET reads vectors of one publication
    only, and renaming the draft to `current` replaces all of them at once. Both keys have to lie on
    the same server: Redis Cluster is not supported.
    """

    home: str

    @property
    def current(self) -> str:
        """The publication that is read."""
        return f"{self.home}:features"

    @property
    def draft(self) -> str:
        """The publication that is being written."""
        return f"{self.home}:features-draft"


@dataclass(frozen=True)
class Vector:
    """A customer's state and features as of midnight at the start of `as_of`.

    `fingerprint` identifies the names and the order of the values.
    """

    fingerprint: str
    as_of: date
    state: str
    values: np.ndarray


def encode(fingerprint: str, as_of: date, state: str, values: np.ndarray) -> bytes:
    """The bytes of a vector. Raises ValueError if the state is not one of `PUBLISHED`."""
    days = as_of.toordinal() - _EPOCH
    header = _HEADER.pack(fingerprint.encode("ascii"), days, PUBLISHED.index(state))
    return header + np.asarray(values, dtype="<f8").tobytes()


def decode(blob: bytes, fingerprint: str, features: int) -> Vector | None:
    """The vector; None where the bytes are no vector, or one of other features."""
    if len(blob) != _HEADER.size + 8 * features:
        return None
    stored_fingerprint, days, state = _HEADER.unpack_from(blob)
    if stored_fingerprint != fingerprint.encode("ascii") or state >= len(PUBLISHED):
        return None
    values = np.frombuffer(blob, dtype="<f8", offset=_HEADER.size)
    return Vector(fingerprint, date.fromordinal(days + _EPOCH), PUBLISHED[state], values)
