"""What customers did by their open rows, added up: no Spark, a few sums per customer and measure.

It takes rows that only add something. A row that corrects another, whose day is closed, or that
decides a state, makes its customer complex: the daily run's own code computes the vector then
(lake_view.py).
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Any

from retention_assets.features.measures import UNITS

Row = Mapping[str, Any]  # of measured_rows.py
Entry = tuple[date, date]  # event date, arrival date
Activity = dict[str, dict[Entry, int]]  # measure -> units


class OpenActivity:
    """The activity by all open rows, in whatever order they are added.

    `first_day`: an event of an earlier day makes its customer complex.
    """

    def __init__(self, first_day: date) -> None:
        self.complex: set[str] = set()
        self._first_day = first_day
        self._activities: dict[str, Activity] = {}
        # By table and key: content, arrival date and customer of the row that was added.
        self._rows: dict[tuple[str, int], tuple[int, date, str]] = {}
        # By customer, measure, event date and value that counts once: its first arrival.
        self._first_arrivals: dict[tuple[str, str, date, str], date] = {}

    def of_customer(self, customer_id: str) -> Activity:
        return self._activities.get(customer_id, {})

    def add(self, row: Row, *, is_complex: bool = False) -> None:
        """Adds a row that breaks no rule. `is_complex`: it does more than add something."""
        customer_id: str = row["customer_id"]
        content = (row["content"], row["arrival_date"], customer_id)
        known = self._rows.get((row["table"], row["key"]))
        if known == content:
            return  # a repeat
        is_late = row["event_day"] < self._first_day
        if is_complex or known or is_late:
            self.complex.add(customer_id)
        if known:
            self.complex.add(known[2])
            return
        self._rows[row["table"], row["key"]] = content
        self._count(row, self._activities.setdefault(customer_id, defaultdict(dict)))

    def _count(self, row: Row, activity: Activity) -> None:
        event_day: date = row["event_day"]
        arrival: date = row["arrival_date"]
        for measure in row["measures"]:
            name: str = measure["name"]
            if measure["units"] is not None:
                _add(activity[name], (event_day, arrival), measure["units"])
            elif measure["text"] is not None:
                value = (row["customer_id"], name, event_day, measure["text"])
                first = self._first_arrivals.get(value)
                if first is None or arrival < first:
                    self._first_arrivals[value] = arrival
                    _add(activity[name], (event_day, arrival), UNITS)
                    if first is not None:
                        _add(activity[name], (event_day, first), -UNITS)


def _add(entries: dict[Entry, int], entry: Entry, units: int) -> None:
    entries[entry] = entries.get(entry, 0) + units
