"""The current features of all customers as one matrix, for whoever scores or publishes them. No Spark, no store here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from retention_assets.features.availability import available_features
from retention_assets.features.declarations import FEATURES
from retention_assets.features.measures import Tables

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Vectors:
    """A row of `matrix` (float64, NaN = not known) for each of `ids`, which are sorted by their UTF-8 bytes."""

    ids: list[str]
    as_of: date
    features: list[str]
    matrix: np.ndarray
    absent: list[str]

    def __len__(self) -> int:
        return len(self.ids)


def feature_tables(tables: Tables) -> list[str]:
    """The feature tables that a source with these tables fills and that models see. Each has all customers."""
    groups = {item.group for item in available_features(FEATURES, tables) if item.model_input}
    return sorted(f"features/customer_{group}" for group in groups)


def vectors_of(tables: Sequence["pa.Table"], features: Sequence[str]) -> Vectors:
    """Brings the feature tables (customer_id, as_of, features) together in the given order.

    Every customer of any table gets a row. A feature that no table has is unknown for all, and named in `absent`.
    """
    names = [table.column("customer_id").to_pylist() for table in tables]
    ids = sorted(set().union(*names), key=lambda name: name.encode())
    place = {name: at for at, name in enumerate(ids)}
    matrix = np.full((len(ids), len(features)), np.nan)
    found: set[str] = set()
    for table, own in zip(tables, names, strict=True):
        rows = np.array([place[name] for name in own], dtype=np.intp)
        for at, feature in enumerate(features):
            if feature in table.column_names:
                found.add(feature)
                matrix[rows, at] = (
                    table.column(feature).to_numpy(zero_copy_only=False).astype(np.float64)
                )
    return Vectors(
        ids,
        _as_of(tables),
        list(features),
        matrix,
        [name for name in features if name not in found],
    )


def _as_of(tables: Sequence["pa.Table"]) -> date:
    """The one day that all rows are as of; the latest where tables are of several (their refresh is under way)."""
    days = [day for table in tables for day in table.column("as_of").unique().to_pylist()]
    if not days:
        raise ValueError("the feature tables have no rows")
    return max(days)
