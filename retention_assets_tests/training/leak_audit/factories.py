"""Readings of a few examples, right unless a test changes them."""

from dataclasses import replace
from typing import Any

import numpy as np

from retention_assets.training.leak_audit.readings import Readings

FEATURES = ("tenure_days", "recency_days", "plan_basic")
NAN = float("nan")
KNOWN = np.array([[10.0, 3.0, 1.0], [20.0, NAN, 0.0], [30.0, 0.5, NAN]])
LATER = KNOWN + np.array([30.0, 30.0, 0.0])  # no plan has changed
IN_TIME = KNOWN * 2


def readings(**changes: Any) -> Readings:
    """Three examples of two days. `changes`: fields with other values."""
    right = Readings(
        features=FEATURES,
        entities=np.array(["C1", "C2", "C1"]),
        as_of=np.array(["2024-03-04", "2024-03-04", "2024-03-11"], dtype="datetime64[D]"),
        y=np.array([0, 1, 0], dtype=np.int8),
        stored=KNOWN.copy(),
        known=KNOWN,
        replayed=KNOWN.copy(),
        in_time=IN_TIME,
        future=LATER,
        latest=LATER + 1,
    )
    return replace(right, **changes)


def with_value(row: int, column: int, value: float) -> np.ndarray:
    """What was known, with another value."""
    values = KNOWN.copy()
    values[row, column] = value
    return values
