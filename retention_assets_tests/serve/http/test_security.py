"""Which Authorization headers are accepted."""

import pytest

from serve.http.security import AcceptedKeys, key_digest

KEYS = AcceptedKeys([key_digest("first"), key_digest("second")])


@pytest.mark.parametrize(
    "header", ["Bearer first", "Bearer second", "bearer first", "Bearer  first "]
)
def test_accepted_key_has_an_id(header: str) -> None:
    assert KEYS.key_id(header)


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Basic first", "first", "Bearer firs", "Bearer first second"],
)
def test_other_headers_are_rejected(header: str | None) -> None:
    assert KEYS.key_id(header) is None


def test_digest_is_not_accepted_as_a_key() -> None:
    assert KEYS.key_id(f"Bearer {key_digest('first')}") is None
