"""A vector is encoded and decoded without loss; bytes of other features are not decoded."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from serve.features.codec import decode, encode
from serve.model.card import fingerprint_of
from serve.segments import SEGMENT_NAMES
from serve.states import ACTIVE, LEFT, PUBLISHED, UNKNOWN

NAMES = st.lists(st.text(min_size=1), min_size=1, max_size=8, unique=True)
SEGMENTS = st.none() | st.sampled_from(SEGMENT_NAMES)
DAYS = st.dates(date(1971, 1, 1), date(2200, 1, 1))


@given(names=NAMES, as_of=DAYS, state=st.sampled_from(PUBLISHED), segment=SEGMENTS, data=st.data())
def test_decoding_restores_every_bit(
    names: list[str], as_of: date, state: str, segment: str | None, data: st.DataObject
) -> None:
    values = data.draw(arrays(np.float64, len(names)))
    blob = encode(fingerprint_of(names), as_of, values, state=state, segment=segment)
    vector = decode(blob, fingerprint_of(names), len(names))
    assert vector is not None
    assert (vector.as_of, vector.state, vector.segment) == (as_of, state, segment)
    assert vector.values.tobytes() == values.astype("<f8").tobytes()


@given(names=NAMES, other=NAMES)
def test_vector_of_other_features_is_not_decoded(names: list[str], other: list[str]) -> None:
    blob = encode(
        fingerprint_of(names), date(2024, 1, 1), np.zeros(len(names)), state=ACTIVE, segment=None
    )
    assert (decode(blob, fingerprint_of(other), len(other)) is not None) == (names == other)


def test_fingerprint_depends_on_the_order_of_names() -> None:
    assert fingerprint_of(["a", "b"]) != fingerprint_of(["b", "a"])


@given(blob=st.binary(max_size=64))
def test_arbitrary_bytes_are_not_decoded(blob: bytes) -> None:
    assert decode(blob, fingerprint_of(["a"]), 1) is None


FINGERPRINT = "0123456789abcdef"
ONE = b"\x00\x00\x00\x00\x00\x00\xf0\x3f"


def test_layout_is_as_documented() -> None:
    day = date(1970, 1, 2)
    blob = encode(FINGERPRINT, day, np.array([1.0]), state=LEFT, segment="lapsed")
    start = FINGERPRINT.encode() + b"\x01\x00\x00\x00"
    assert blob == start + b"\x03\x01" + ONE
    assert decode(start + b"\x04\x01" + ONE, FINGERPRINT, 1) is None
    unknown = encode(FINGERPRINT, day, np.array([1.0]), state=LEFT, segment=None)
    assert unknown == start + b"\x03\xff" + ONE


@pytest.mark.parametrize("codes", [b"\x03", b"\x03\xfe"], ids=["before segments", "later segment"])
def test_vector_of_another_version_has_no_segment(codes: bytes) -> None:
    start = FINGERPRINT.encode() + b"\x01\x00\x00\x00"
    vector = decode(start + codes + ONE, FINGERPRINT, 1)
    assert vector is not None
    assert (vector.state, vector.segment, vector.values.tolist()) == (LEFT, None, [1.0])


def test_names_that_are_not_published_have_no_vector() -> None:
    for state, segment in ((UNKNOWN, None), (ACTIVE, "whales")):
        with pytest.raises(ValueError):
            encode(FINGERPRINT, date(1970, 1, 2), np.array([1.0]), state=state, segment=segment)
