"""Which Authorization headers open the door."""

import pytest

from serve.http.security import Keys, key_digest

KEYS = Keys([key_digest("first"), key_digest("second")])


@pytest.mark.parametrize(
    "header", ["Bearer first", "Bearer second", "bearer first", "Bearer  first "]
)
def test_a_key_of_ours_is_let_in(header: str) -> None:
    assert KEYS.holder(header)


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Basic first", "first", "Bearer firs", "Bearer first second"],
)
def test_anything_else_is_not(header: str | None) -> None:
    assert KEYS.holder(header) is None


def test_the_digest_itself_is_no_key() -> None:
    assert KEYS.holder(f"Bearer {key_digest('first')}") is None
