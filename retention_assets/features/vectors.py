"""The current states, segments and features of all customers, for scoring and publishing. No
Spark.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from retention_assets import keys
from retention_assets.features.availability import available_features
from retention_assets.features.declarations import FEATURES
from retention_assets.features.measures import SourceTables
from retention_assets.features.primary_key import require_unique
from serve.states import UNKNOWN

if TYPE_CHECKING:
    import pyarrow as pa


# Read beside the feature tables.
CURRENT = (keys.CUSTOMER_STATE, keys.CUSTOMER_SEGMENTS)


@dataclass(frozen=True)
class Vectors:
    """A state, a segment (None = unknown) and a row of `matrix` (float64, NaN = unknown) for each
    of `ids`, which are sorted by UTF-8 bytes.

    `absent`: features that no table has.
    """

    ids: list[str]
    states: list[str]
    segments: list[str | None]
    as_of: date
    features: list[str]
    matrix: np.ndarray
    absent: list[str]

    def __len__(self) -> int:
        return len(self.ids)


def feature_tables(tables: SourceTables) -> list[str]:
    """Keys of the feature tables that models read from a source with these tables."""
    groups = {item.group for item in available_features(FEATURES, tables) if item.is_model_input}
    return sorted(keys.customer_features(group) for group in groups)


def read_vectors(
    read: Callable[[str], "pa.Table"], tables: Sequence[str], features: Sequence[str]
) -> Vectors:
    """The vectors of these feature tables, with the states of features/customer_state and the
    segments of value/customer_segments. `read`: asset key -> table. Raises DuplicateKeyError if a
    table has two rows of a customer.
    """
    stored = {name: read(name) for name in (*tables, *CURRENT)}
    for name, table in stored.items():
        require_unique(table["customer_id"].to_pylist(), name)
    states, segments = (stored[name] for name in CURRENT)
    return vectors_of([stored[name] for name in tables], states, segments, features=features)


def vectors_of(
    tables: Sequence["pa.Table"],
    states: "pa.Table",
    segments: "pa.Table",
    *,
    features: Sequence[str],
) -> Vectors:
    """Joins the feature tables (customer_id, as_of, features) into one matrix, columns in the order
    of `features`.

    Every customer of any table gets a row, unless the state is unknown. A feature that no table has
    is unknown for all. A customer without a row in `segments` has an unknown segment.
    """
    pairs = zip(states["customer_id"].to_pylist(), states["state"].to_pylist(), strict=True)
    state_of = {name: state for name, state in pairs if state != UNKNOWN}
    segment_of = dict(
        zip(segments["customer_id"].to_pylist(), segments["segment"].to_pylist(), strict=True)
    )
    ids_by_table = [table.column("customer_id").to_pylist() for table in tables]
    ids = sorted(state_of.keys() & set().union(*ids_by_table), key=lambda name: name.encode())
    row_of = {name: row for row, name in enumerate(ids)}
    matrix = np.full((len(ids), len(features)), np.nan)
    for table, table_ids in zip(tables, ids_by_table, strict=True):
        rows = np.array([row_of.get(name, -1) for name in table_ids], dtype=np.intp)
        is_known = rows >= 0
        for column, feature in enumerate(features):
            if feature in table.column_names:
                values = table.column(feature).to_numpy(zero_copy_only=False)
                matrix[rows[is_known], column] = values.astype(np.float64)[is_known]
    present = set().union(*(table.column_names for table in tables))
    return Vectors(
        ids=ids,
        states=[state_of[name] for name in ids],
        segments=[segment_of.get(name) for name in ids],
        as_of=_as_of([*tables, states]),
        features=list(features),
        matrix=matrix,
        absent=[name for name in features if name not in present],
    )


def _as_of(tables: Sequence["pa.Table"]) -> date:
    """The as-of day of all rows; the latest one if tables differ, as during a refresh."""
    days = [day for table in tables for day in table.column("as_of").unique().to_pylist()]
    if not days:
        raise ValueError("The feature tables have no rows.")
    return max(days)
