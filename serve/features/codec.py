"""The byte format of a feature vector, shared by the platform, which writes it, and the service.

Layout, little endian: fingerprint of the feature names (16 ASCII hex digits), days since 1970-01-01
(int32), state of the customer (its place in `PUBLISHED`, uint8), segment (its place in
`SEGMENT_NAMES`, uint8; 255: unknown), then a float64 per feature. NaN stands for an unknown value.
Vectors of an earlier version lack the segment; they are read with an unknown one.
"""

import struct
from dataclasses import dataclass
from datetime import date

import numpy as np

from serve.segments import SEGMENT_NAMES
from serve.states import PUBLISHED

_HEADER = struct.Struct("<16siBB")
_HEADER_WITHOUT_SEGMENT = struct.Struct("<16siB")
NO_SEGMENT = 255
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
    """A customer's state, segment and features as of midnight at the start of `as_of`.

    `fingerprint` identifies the names and the order of the values. `segment`: None if unknown.
    """

    fingerprint: str
    as_of: date
    state: str
    values: np.ndarray
    segment: str | None = None


def encode(
    fingerprint: str, as_of: date, values: np.ndarray, *, state: str, segment: str | None
) -> bytes:
    """The bytes of a vector. Raises ValueError if the state is not one of `PUBLISHED`, or the
    segment neither None nor one of `SEGMENT_NAMES`.
    """
    days = as_of.toordinal() - _EPOCH
    state_code = PUBLISHED.index(state)
    header = _HEADER.pack(fingerprint.encode("ascii"), days, state_code, segment_code(segment))
    return header + np.asarray(values, dtype="<f8").tobytes()


def decode(blob: bytes, fingerprint: str, features: int) -> Vector | None:
    """The vector; None where the bytes are no vector, or one of other features."""
    header = len(blob) - 8 * features
    if header == _HEADER.size:
        stored_fingerprint, days, state, segment = _HEADER.unpack_from(blob)
    elif header == _HEADER_WITHOUT_SEGMENT.size:
        stored_fingerprint, days, state = _HEADER_WITHOUT_SEGMENT.unpack_from(blob)
        segment = NO_SEGMENT
    else:
        return None
    if stored_fingerprint != fingerprint.encode("ascii") or state >= len(PUBLISHED):
        return None
    values = np.frombuffer(blob, dtype="<f8", offset=header)
    as_of = date.fromordinal(days + _EPOCH)
    return Vector(fingerprint, as_of, PUBLISHED[state], values, segment_of(segment))


def segment_code(segment: str | None) -> int:
    """The number that stands for a segment. Raises ValueError for a name that is none."""
    return NO_SEGMENT if segment is None else SEGMENT_NAMES.index(segment)


def segment_of(code: int) -> str | None:
    """The segment's name; None for one that this version does not know either."""
    return SEGMENT_NAMES[code] if code < len(SEGMENT_NAMES) else None
