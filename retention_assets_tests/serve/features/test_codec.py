"""A vector is encoded and decoded without loss; bytes of other features are not decoded."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from serve.features.codec import decode, encode
from serve.model.card import fingerprint_of
from serve.states import ACTIVE, LEFT, PUBLISHED, UNKNOWN

NAMES = st.lists(st.text(min_size=1), min_size=1, max_size=8, unique=True)
DAYS = st.dates(date(1971, 1, 1), date(2200, 1, 1))


@given(names=NAMES, as_of=DAYS, state=st.sampled_from(PUBLISHED), data=st.data())
def test_decoding_restores_every_bit(
    names: list[str], as_of: date, state: str, data: st.DataObject
) -> None:
    values = data.draw(arrays(np.float64, len(names)))
    blob = encode(fingerprint_of(names), as_of, state, values)
    vector = decode(blob, fingerprint_of(names), len(names))
    assert vector is not None
    assert (vector.as_of, vector.state) == (as_of, state)
    assert vector.values.tobytes() == values.astype("<f8").tobytes()


@given(names=NAMES, other=NAMES)
def test_vector_of_other_features_is_not_decoded(names: list[str], other: list[str]) -> None:
    blob = encode(fingerprint_of(names), date(2024, 1, 1), ACTIVE, np.zeros(len(names)))
    assert (decode(blob, fingerprint_of(other), len(other)) is not None) == (names == other)


def test_fingerprint_depends_on_the_order_of_names() -> None:
    assert fingerprint_of(["a", "b"]) != fingerprint_of(["b", "a"])


@given(blob=st.binary(max_size=64))
def test_arbitrary_bytes_are_not_decoded(blob: bytes) -> None:
    assert decode(blob, fingerprint_of(["a"]), 1) is None


def test_layout_is_as_documented() -> None:
    blob = encode("0123456789abcdef", date(1970, 1, 2), LEFT, np.array([1.0]))
    header = b"0123456789abcdef" + b"\x01\x00\x00\x00" + b"\x03"
    value = b"\x00\x00\x00\x00\x00\x00\xf0\x3f"
    assert blob == header + value
    assert decode(header[:-1] + b"\x04" + value, "0123456789abcdef", 1) is None


def test_unknown_customers_have_no_vector() -> None:
    with pytest.raises(ValueError):
        encode("0123456789abcdef", date(1970, 1, 2), UNKNOWN, np.array([1.0]))
