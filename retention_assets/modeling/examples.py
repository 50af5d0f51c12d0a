"""Examples as arrays: rows sorted by (as-of, customer), so that no figure depends on the order a table was read in.

Knows the columns of training/churn_examples; reads no table and trains nothing.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retention_assets.errors import NotTrainableError

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# Columns of an example that are not features.
BOOKKEEPING = ("customer_id", "as_of", "label", "label_observed_at", "treated")


@dataclass(frozen=True)
class Examples:
    """n labelled rows: who, as of when (datetime64[D]), features (n, f) with NaN for unknown, and the label 0/1."""

    features: tuple[str, ...]
    customers: NDArray[np.str_]
    as_of: NDArray[np.datetime64]
    X: Floats
    y: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: NDArray) -> "Examples":
        """The rows of a mask or an index, in the same order."""
        return Examples(
            self.features, self.customers[rows], self.as_of[rows], self.X[rows], self.y[rows]
        )

    def columns(self, features: Sequence[str]) -> Floats:
        """The matrix of other features in another order (an older model's), as long as all are there."""
        missing = [name for name in features if name not in self.features]
        if missing:
            raise NotTrainableError(
                f"The examples lack {', '.join(missing)}.", "Rematerialize training/churn_examples."
            )
        return self.X[:, [self.features.index(name) for name in features]]

    @cached_property
    def fingerprint(self) -> str:
        """Digest of the data itself. The table's version would change with every rewrite of the same rows."""
        digest = hashlib.sha256("\n".join(self.features).encode())
        for part in (
            self.customers,
            self.as_of.astype("datetime64[D]").astype(np.int64),
            self.X,
            self.y,
        ):
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()[:16]


def from_arrow(table: "pa.Table") -> Examples:
    """The rows of training/churn_examples as arrays."""
    if not table.num_rows:
        raise NotTrainableError(
            "There is no matured example yet.",
            "Wait until gap, horizon and reporting lag have passed since the first as-of week, or give an older source.",
        )
    features = tuple(name for name in table.column_names if name not in BOOKKEEPING)
    customers = table["customer_id"].to_numpy().astype(str)
    as_of = table["as_of"].to_numpy().astype("datetime64[D]")
    order = np.lexsort((customers, as_of))
    matrix = np.column_stack([table[name].to_numpy().astype(np.float64) for name in features])
    labels = table["label"].to_numpy().astype(np.int8)
    return Examples(features, customers[order], as_of[order], matrix[order], labels[order])
