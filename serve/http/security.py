"""Authentication by bearer keys. The service knows only digests of the keys."""

import hashlib
import hmac
from collections.abc import Iterable

# Every other path needs a key, including paths that do not exist.
OPEN_PATHS = frozenset({"/health"})


def key_digest(key: str) -> str:
    """The digest by which the service knows a key.

    Keys are long and random, so a slow hash is not needed.
    """
    return hashlib.sha256(key.encode()).hexdigest()


class AcceptedKeys:
    """The digests of all keys that are accepted."""

    def __init__(self, digests: Iterable[str]) -> None:
        self._digests = tuple(digests)

    def key_id(self, authorization: str | None) -> str | None:
        """An identifier of the key in an Authorization header; None where it is not accepted."""
        scheme, _, key = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            return None
        digest = key_digest(key.strip())
        # All digests are compared: an early exit would reveal by its time which key came close.
        matches = [hmac.compare_digest(digest, accepted) for accepted in self._digests]
        return digest[:8] if any(matches) else None
