"""Who may ask: bearer keys. The service holds only digests of the keys, and compares in constant time."""

import hashlib
import hmac
from collections.abc import Iterable

# Every other path needs a key, also those that do not exist.
OPEN_PATHS = frozenset({"/health"})


def key_digest(key: str) -> str:
    """What the service is given instead of a key. Keys are long and random, so that no slow hash is needed."""
    return hashlib.sha256(key.encode()).hexdigest()


class Keys:
    """The accepted keys, as digests."""

    def __init__(self, digests: Iterable[str]) -> None:
        self._digests = tuple(digests)

    def holder(self, authorization: str | None) -> str | None:
        """An identifier of the key in an Authorization header, None where it is not one of ours."""
        scheme, _, key = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            return None
        given = key_digest(key.strip())
        # No early exit: the time must not tell which key came close.
        matches = [hmac.compare_digest(given, digest) for digest in self._digests]
        return given[:8] if any(matches) else None
