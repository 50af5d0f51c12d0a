"""Open rows are added up in any order, and rows that do more than add are noticed."""

import itertools
from datetime import date
from typing import Any

from retention_assets.features.stream.open_activity import OpenActivity

MONDAY = date(2024, 3, 4)
TUESDAY = date(2024, 3, 5)
ROWS = ({"key": 1}, {"key": 2, "arrival_date": TUESDAY}, {"key": 3, "order": "B"}, {"key": 1})


def row(**changes: Any) -> dict[str, Any]:
    """A line of an order of ann: 2.0 were paid."""
    values = {"table": "transactions", "customer_id": "ann", "event_day": MONDAY}
    values |= {"arrival_date": MONDAY, "key": 1, "content": 5, "order": "A"} | changes
    amount = {"name": "revenue", "units": 20_000, "text": None}
    order = {"name": "purchases", "units": None, "text": values.pop("order")}
    return values | {"measures": [amount, order]}


def test_any_order_and_repeats_give_the_same_sums() -> None:
    results = []
    for order in itertools.permutations(ROWS):
        activity = OpenActivity(MONDAY)
        for changes in order:
            activity.add(row(**changes))
        units = {
            name: {entry: value for entry, value in entries.items() if value}
            for name, entries in activity.of_customer("ann").items()
        }
        results.append((units, activity.complex))
    expected = {
        "revenue": {(MONDAY, MONDAY): 40_000, (MONDAY, TUESDAY): 20_000},
        "purchases": {(MONDAY, MONDAY): 20_000},
    }
    assert all(result == (expected, set()) for result in results)


def test_rows_that_do_more_than_add_are_noticed() -> None:
    activity = OpenActivity(TUESDAY)
    on_time = {"event_day": TUESDAY, "arrival_date": TUESDAY}
    activity.add(row(customer_id="ann", key=1, **on_time))
    assert activity.complex == set()
    activity.add(row(customer_id="bob", key=1, content=6, **on_time))
    assert activity.complex == {"ann", "bob"}, "one key, two contents"
    activity.add(row(customer_id="eve", key=2, arrival_date=TUESDAY))
    activity.add(row(customer_id="joe", key=3, **on_time), is_complex=True)
    assert activity.complex == {"ann", "bob", "eve", "joe"}
