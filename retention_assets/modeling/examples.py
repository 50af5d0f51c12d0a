"""Examples as arrays, sorted by (as-of, entity): no figure depends on the order of a table's rows.

Reads no table and trains nothing.
"""

import hashlib
from collections.abc import Callable, Sequence
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


@dataclass(frozen=True)
class Examples:
    """n labeled rows: entity, as-of day (datetime64[D]), features (n, f; NaN: unknown), label.

    `too_late`: positives that no action could reach any more; None: there are none. `weights`:
    how much each row counts; None: all count 1. `encode`: gives all rows with features that only
    some of them decided, such as which categories are frequent; None: the features are the same
    whichever rows are learned from.
    """

    features: tuple[str, ...]
    entities: NDArray[np.str_]
    as_of: NDArray[np.datetime64]
    X: Floats
    y: NDArray[np.int8]
    too_late: Bools | None = None
    weights: Floats | None = None
    encode: "Callable[[Bools], Examples] | None" = None

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: NDArray) -> "Examples":
        """The rows of a mask or an index, in the same order."""
        return Examples(
            self.features,
            self.entities[rows],
            self.as_of[rows],
            self.X[rows],
            self.y[rows],
            None if self.too_late is None else self.too_late[rows],
            None if self.weights is None else self.weights[rows],
        )

    def learned_from(self, rows: Bools) -> "Examples":
        """All rows, with features that nothing but `rows` decided."""
        return self if self.encode is None else self.encode(rows)

    @property
    def w(self) -> Floats:
        """How much each row counts."""
        return np.ones(len(self)) if self.weights is None else self.weights

    def labels_that_count(self, rows: Bools) -> NDArray[np.int8]:
        """The labels of those of these rows that count more than 0."""
        return self.y[rows & (self.w > 0)]

    @property
    def reachable(self) -> NDArray[np.int8]:
        """1 for a positive that an action can reach in time, else 0."""
        return self.y if self.too_late is None else self.y * ~self.too_late

    def columns(self, features: Sequence[str]) -> Floats:
        """These features as a matrix, in this order. Raises NotTrainableError if one is missing."""
        missing = [name for name in features if name not in self.features]
        if missing:
            raise NotTrainableError(
                f"The examples lack {', '.join(missing)}.", "Rematerialize the examples."
            )
        return self.X[:, [self.features.index(name) for name in features]]

    @cached_property
    def fingerprint(self) -> str:
        """Digest of the data. A table's version would change with each rewrite of the same rows."""
        digest = hashlib.sha256("\n".join(self.features).encode())
        for part in (
            self.entities,
            self.as_of.astype("datetime64[D]").astype(np.int64),
            self.X,
            self.y,
            self.reachable,
            *(() if self.weights is None else (self.weights,)),
        ):
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()[:16]


def from_arrow(
    table: "pa.Table",
    *,
    entity: str,
    not_features: Sequence[str],
    too_late: str,
    weight: str,
) -> Examples:
    """The table's rows as arrays. It has the columns `entity`, as_of, label, `too_late` and
    `weight`.

    Every column that is not in `not_features` is a feature.
    """
    if not table.num_rows:
        raise NotTrainableError(
            "No example has a final label yet.",
            "Wait until gap, horizon and reporting lag have passed since the first as-of week, "
            "or use a source with a longer history.",
        )
    features = tuple(name for name in table.column_names if name not in not_features)
    entities = table[entity].to_numpy().astype(str)
    as_of = table["as_of"].to_numpy().astype("datetime64[D]")
    order = np.lexsort((entities, as_of))
    matrix = np.column_stack([table[name].to_numpy().astype(np.float64) for name in features])
    labels = table["label"].to_numpy().astype(np.int8)
    late = table[too_late].to_numpy().astype(bool)
    weights = table[weight].to_numpy().astype(np.float64)[order]
    return Examples(
        features,
        entities[order],
        as_of[order],
        matrix[order],
        labels[order],
        late[order],
        None if (weights == 1).all() else weights,
    )
