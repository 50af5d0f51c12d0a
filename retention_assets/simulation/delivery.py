"""How rows reach the platform: most within 90 seconds, 2 % of them one to five days late.

Corrupted rows, for tests of validation, are also made here.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retention_assets.simulation.arrow_tables import SCHEMAS, replace_column
from retention_assets.simulation.calendar import DAY_US, Day, Purpose

LATE_SHARE = 0.02
LATE_DAYS = (1, 6)  # at least 1, less than 6
PUNCTUAL_DELAY_S = (1, 91)
NEVER_LATE = ("customers",)
CORRUPT_EVENT_DAYS_AHEAD = 30

# For each table a column and a value that its contract does not allow.
INVALID_VALUES: dict[str, tuple[str, str | float | None]] = {
    "customers": ("plan", "platinum"),
    "transactions": ("amount", -1.0),
    "support_tickets": ("severity", "apocalyptic"),
    "engagement_events": ("event_type", "teleport"),
    "churn_events": ("churn_type", "abducted"),
    "campaign_contacts": ("cost", -5.0),
    "fraud_reports": ("reported_by", "oracle"),
}


class DeliveryQueue:
    """Sets the arrival time of each row and keeps late rows until the day they arrive."""

    def __init__(self) -> None:
        self.late_rows = 0
        self._waiting: dict[tuple[str, int], list[pa.Table]] = {}

    def deliver(self, day: Day, events: dict[str, list[pa.Table]]) -> dict[str, pa.Table]:
        """The rows that arrive on this day, by table, in order of arrival.

        These are the punctual rows of `events` and the late rows of earlier days that are due.
        """
        rng = day.stream(Purpose.ARRIVE)
        arriving = {}
        for name in SCHEMAS:
            table = pa.concat_tables(events.get(name, []) or [SCHEMAS[name].empty_table()])
            punctual = self._set_arrival_times(rng, day, name=name, table=table)
            due = self._waiting.pop((name, day.number), [])
            arriving[name] = pa.concat_tables([punctual, *due]).sort_by("ingested_ts")
        return arriving

    def _set_arrival_times(
        self, rng: np.random.Generator, day: Day, *, name: str, table: pa.Table
    ) -> pa.Table:
        """The punctual rows of `table`; the late ones are queued."""
        size = table.num_rows
        event_us = table.column("event_ts").cast(pa.int64()).to_numpy()
        is_late = rng.random(size) < (0.0 if name in NEVER_LATE else LATE_SHARE)
        days_late = rng.integers(*LATE_DAYS, size)
        delay_us = rng.integers(*PUNCTUAL_DELAY_S, size) * 1_000_000
        punctual_us = np.maximum(event_us, day.midnight_us) + delay_us
        time_of_day_us = rng.integers(0, DAY_US // 1_000_000, size) * 1_000_000
        late_us = day.midnight_us + days_late * DAY_US + time_of_day_us
        arrival = pa.array(np.where(is_late, late_us, punctual_us))
        table = replace_column(table, "ingested_ts", arrival)
        for days in np.unique(days_late[is_late]):
            late = table.filter(pa.array(is_late & (days_late == days)))
            self._waiting.setdefault((name, day.number + int(days)), []).append(late)
        self.late_rows += int(is_late.sum())
        return table.filter(pa.array(~is_late)) if is_late.any() else table


def corrupt_rows(day: Day, name: str, table: pa.Table, *, share: float) -> pa.Table:
    """Corrupts a share of the rows in one of four ways.

    No customer, an event after its arrival, a value that the contract does not allow, or a repeated
    row.
    """
    if not share or not table.num_rows:
        return table
    rng = day.stream(Purpose.CORRUPT, list(SCHEMAS).index(name))
    is_corrupt = rng.random(table.num_rows) < share
    way = np.where(is_corrupt, rng.integers(0, 4, table.num_rows), -1)
    future_us = day.midnight_us + CORRUPT_EVENT_DAYS_AHEAD * DAY_US
    invalid_column, invalid_value = INVALID_VALUES[name]
    table = _set_where(table, "customer_id", way == 0, value=None)
    table = _set_where(table, "event_ts", way == 1, value=future_us)
    table = _set_where(table, invalid_column, way == 2, value=invalid_value)
    return pa.concat_tables([table, table.filter(pa.array(way == 3))])


def _set_where(
    table: pa.Table, name: str, mask: np.ndarray, *, value: str | float | None
) -> pa.Table:
    column = table.column(name)
    replacement = pa.scalar(value, column.type)
    return replace_column(
        table, name, pc.call_function("if_else", [pa.array(mask), replacement, column])
    )
