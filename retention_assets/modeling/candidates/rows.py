"""The input and output of every candidate's fit: arrays in, the bytes of one model file out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retention_assets.modeling.examples import Bools, Floats

VARIES = 1e-9  # of its largest value
SILENT = 1e30  # a scale that turns any value into 0
# Fixed, not the machine's: sums over threads must not make another machine's model differ.
THREADS = 2


@dataclass(frozen=True)
class FitRows:
    """Rows to fit on. `stop` marks entities that only decide when fitting stops."""

    X: Floats
    y: NDArray[np.int8]
    w: Floats
    stop: Bools


@dataclass(frozen=True)
class Preprocess:
    """Fills unknown values, then standardizes. One number per feature."""

    fill: Floats
    mean: Floats
    scale: Floats

    @classmethod
    def of(cls, X: Floats) -> "Preprocess":
        """Medians for unknown values (0 where none is known); a constant feature becomes 0.

        A model learns nothing about a constant feature: its weight is arbitrary, so a new value
        must not be multiplied by it.
        """
        known = ~np.isnan(X).all(axis=0)
        fill = np.zeros(X.shape[1])
        fill[known] = np.nanmedian(X[:, known], axis=0)
        filled = np.where(np.isnan(X), fill, X)
        # Relative, as the standard deviation of many equal numbers is not 0 but their rounding.
        varies = np.ptp(filled, axis=0) > VARIES * np.abs(filled).max(axis=0)
        return cls(fill, filled.mean(axis=0), np.where(varies, filled.std(axis=0), SILENT))

    def apply(self, X: Floats) -> Floats:
        """The standardized matrix, without unknown values."""
        return (np.where(np.isnan(X), self.fill, X) - self.mean) / self.scale


@dataclass(frozen=True)
class Fitted:
    """A fitted model as the bytes of its file, and its preprocessing. `notes` go to the tracker."""

    model: bytes
    preprocess: Preprocess | None
    notes: dict[str, float]
