"""Vectors in the two ways that there are: by adding up open rows, for most customers; by the daily
run's own code for any. A parity test compares them.
"""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import pyarrow as pa

from retention_assets.features.current import current_features, current_states
from retention_assets.features.stream.current import Current
from retention_assets.features.stream.lake_view import CurrentTables, Texts
from retention_assets.features.vectors import Vectors, vectors_of


def simple_vectors(current: Current, ids: Sequence[str]) -> Vectors:
    """The vectors of known customers whose open rows only add something. No Spark."""
    base = current.base
    names: list[str] = list(current.description["names"])
    matrix = np.full((len(ids), len(names)), np.nan)
    places = [names.index(feature.name) for feature in current.features]
    for row, name in enumerate(ids):
        activity = current.activity.of_customer(name)
        matrix[row, places] = base.values(name, activity, current.features)
    return Vectors(
        ids=list(ids),
        states=[base.states[name] for name in ids],
        segments=[base.segments.get(name) for name in ids],
        as_of=base.as_of,
        features=names,
        matrix=matrix,
        absent=[],
    )


def complex_vectors(
    current: Current,
    ids: Sequence[str],
    texts: Mapping[str, Texts],
    days: Mapping[str, Sequence[date]],
) -> Vectors | None:
    """The vectors of any customers. None: none of them has signed up.

    `texts`: their open rows by table. `days`: all days of open rows by table.
    """
    profile = current.view.profile
    as_of = current.base.as_of
    tables = CurrentTables.of(current.view, ids, texts, days)
    try:
        states = current_states(tables.read, profile, as_of).toArrow()
        values = current_features(tables.read, profile, current.features, as_of).toArrow()
    finally:
        tables.release()
    if not values.num_rows:
        return None
    segments = current.base.segments
    table = pa.table(
        {
            "customer_id": pa.array(list(segments.keys()), pa.string()),
            "segment": pa.array(list(segments.values()), pa.string()),
        }
    )
    return vectors_of([values], states, table, features=current.description["names"])
