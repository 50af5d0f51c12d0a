"""Feature tables become one matrix, with states and segments; unknown customers are left out."""

from datetime import date

import numpy as np
import pyarrow as pa

from retention_assets.features.vectors import vectors_of
from serve.states import ACTIVE, LAPSED, UNKNOWN

DAY = date(2024, 3, 4)
NEXT_DAY = date(2024, 3, 5)


def table(day: date, **columns: list) -> pa.Table:
    return pa.table({"as_of": [day] * len(columns["customer_id"]), **columns})


def test_tables_are_joined_by_customers_of_known_state() -> None:
    tables = [
        table(DAY, customer_id=["b", "a", "x"], logins=[2.0, 1.0, 9.0]),
        table(DAY, customer_id=["é", "x", "new"], orders=[3.0, 9.0, 9.0]),
    ]
    states = table(
        NEXT_DAY,
        customer_id=["a", "b", "é", "x", "y"],
        state=[ACTIVE, LAPSED, ACTIVE, UNKNOWN, ACTIVE],
    )
    segments = table(DAY, customer_id=["b", "a", "x"], segment=["lapsed", "regulars", "champions"])
    features = ["orders", "logins", "tickets"]
    vectors = vectors_of(tables, states, segments, features=features)
    assert (vectors.ids, vectors.states) == (["a", "b", "é"], [ACTIVE, LAPSED, ACTIVE])
    assert vectors.segments == ["regulars", "lapsed", None]
    nan = np.nan
    expected = [[nan, 1.0, nan], [nan, 2.0, nan], [3.0, nan, nan]]
    assert np.array_equal(vectors.matrix, expected, equal_nan=True)
    assert (vectors.absent, vectors.as_of) == (["tickets"], NEXT_DAY)
