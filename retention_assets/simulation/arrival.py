"""How rows reach the platform: most within minutes, 2 % one to five days late, a share of them broken if asked for."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retention_assets.simulation.calendar import DAY_US, Calendar, Purpose
from retention_assets.simulation.rows import SCHEMAS

LATE_SHARE = 0.02
LATE_DAYS = (1, 6)
USUAL_DELAY_S = (1, 91)
NEVER_LATE = ("customers",)


class Post:
    """Gives each row its arrival time and holds late rows back until their day."""

    def __init__(self, calendar: Calendar) -> None:
        self.calendar = calendar
        self.held: dict[tuple[str, int], list[pa.Table]] = {}
        self.late_rows = 0

    def deliver(self, day: int, happened: dict[str, list[pa.Table]]) -> dict[str, pa.Table]:
        """What arrives today, by table, in order of arrival: today's punctual rows and the late ones that are due."""
        rng = self.calendar.stream(day, Purpose.ARRIVE)
        arriving = {}
        for name in SCHEMAS:
            table = pa.concat_tables(happened.get(name, []) or [SCHEMAS[name].empty_table()])
            today = self._stamp(rng, day, name, table)
            table = pa.concat_tables([today, *self.held.pop((name, day), [])])
            arriving[name] = table.sort_by("ingested_ts")
        return arriving

    def _stamp(self, rng: np.random.Generator, day: int, name: str, table: pa.Table) -> pa.Table:
        size = table.num_rows
        event = table.column("event_ts").cast(pa.int64()).to_numpy()
        late = rng.random(size) < (0.0 if name in NEVER_LATE else LATE_SHARE)
        wait = rng.integers(*LATE_DAYS, size)
        punctual = (
            np.maximum(event, self.calendar.midnight_us(day))
            + rng.integers(*USUAL_DELAY_S, size) * 1_000_000
        )
        delayed = (
            self.calendar.midnight_us(day)
            + wait * DAY_US
            + rng.integers(0, DAY_US // 1_000_000, size) * 1_000_000
        )
        place = table.schema.get_field_index("ingested_ts")
        field = table.schema.field(place)
        arrived = pa.array(np.where(late, delayed, punctual)).cast(field.type)
        table = table.set_column(place, field, arrived)
        for days in np.unique(wait[late]):
            self.held.setdefault((name, day + int(days)), []).append(
                table.filter(pa.array(late & (wait == days)))
            )
        self.late_rows += int(late.sum())
        return table.filter(pa.array(~late)) if late.any() else table


def spoil(calendar: Calendar, day: int, name: str, table: pa.Table, share: float) -> pa.Table:
    """Breaks a share of the rows: customer missing, event after arrival, impossible value, or sent twice."""
    if not share or not table.num_rows:
        return table
    rng = np.random.default_rng(
        np.random.SeedSequence(
            calendar.seed, spawn_key=(day, int(Purpose.DIRT), list(SCHEMAS).index(name))
        )
    )
    broken = rng.random(table.num_rows) < share
    kind = np.where(broken, rng.integers(0, 4, table.num_rows), -1)
    table = _replace(table, "customer_id", kind == 0, None)
    table = _replace(table, "event_ts", kind == 1, (calendar.midnight_us(day) + 30 * DAY_US))
    target, value = IMPOSSIBLE[name]
    table = _replace(table, target, kind == 2, value)
    return pa.concat_tables([table, table.filter(pa.array(kind == 3))])


# For each table a column and a value that its contract does not allow.
IMPOSSIBLE: dict[str, tuple[str, str | float | None]] = {
    "customers": ("plan", "platinum"),
    "transactions": ("amount", -1.0),
    "support_tickets": ("severity", "apocalyptic"),
    "engagement_events": ("event_type", "teleport"),
    "churn_events": ("churn_type", "abducted"),
    "campaign_contacts": ("cost", -5.0),
    "fraud_reports": ("reported_by", "oracle"),
}


def _replace(table: pa.Table, name: str, where: np.ndarray, value: str | float | None) -> pa.Table:
    place = table.schema.get_field_index(name)
    field = table.schema.field(place)
    filled = pc.call_function(
        "if_else", [pa.array(where), pa.scalar(value, field.type), table.column(place)]
    )
    return table.set_column(place, field, filled)
