"""Waiting in tests: for what another process will do, never for a fixed time."""

import time
from collections.abc import Callable


def eventually(holds: Callable[[], bool], seconds: float = 30.0) -> bool:
    """Whether it came true within the seconds."""
    end = time.monotonic() + seconds
    while not (true := holds()) and time.monotonic() < end:
        time.sleep(0.05)
    return true
