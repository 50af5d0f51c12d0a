"""The embedded source: a subscription retailer, simulated day by day and streamed to Parquet by day of arrival.

Same arguments, same bytes; a longer simulation repeats the days of a shorter one and adds to them. What is true but
not observable (hazards, effects of contacts, which transactions are fraud) goes to `truth/`, which no asset reads.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa

from retention_assets.simulation.arrival import Post, spoil
from retention_assets.simulation.calendar import Calendar
from retention_assets.simulation.campaigns import contact, effect_of_contact
from retention_assets.simulation.engagement import engage, open_tickets
from retention_assets.simulation.files import write_day
from retention_assets.simulation.fraud import Fraudsters
from retention_assets.simulation.latent_state import (
    SHIFTED,
    USUAL,
    Drivers,
    drift_moods,
    hazard,
    log_hazard,
)
from retention_assets.simulation.leaving import leave
from retention_assets.simulation.orders import Shop
from retention_assets.simulation.population import Population, change_plans, join, known_customers

FIRST_DATE = date(2024, 1, 1)
TRUTH = "truth"
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class SimulationSummary:
    """What a simulation wrote: customers known at its end, days, rows by table, rows that arrived late."""

    customers: int
    days: int
    rows: dict[str, int]
    late_rows: int

    @property
    def total_rows(self) -> int:
        return sum(self.rows.values())


def simulate(
    out: Path,
    customers: int,
    days: int,
    seed: int,
    start: date = FIRST_DATE,
    first_day: int = 0,
    dirty: float = 0.0,
    shift_on: date | None = None,
    progress: Progress | None = None,
) -> SimulationSummary:
    """Writes `<out>/<table>/<day>.parquet` for the days from `first_day` on (earlier ones are lived, not written).

    `customers` counts those known within the first 365 days. `dirty` is the share of rows broken on purpose. From
    `shift_on` on, other things drive departures and logins halve.
    """
    world = World(Calendar(start, seed), customers, days, shift_on)
    written: dict[str, int] = {}
    for day in range(days):
        arriving, truth = world.live(day)
        if day >= first_day:
            for name, table in arriving.items():
                table = spoil(world.calendar, day, name, table, dirty)
                written[name] = written.get(name, 0) + table.num_rows
                if (
                    table.num_rows or day == 0
                ):  # the first day shows every table's columns, even where nothing arrived
                    write_day(out / name, table, world.calendar.date_of(day))
            for name, table in truth.items():
                write_day(out / TRUTH / name, table, world.calendar.date_of(day))
        if progress:
            progress(day + 1, days)
    return SimulationSummary(world.people.count, days, written, world.post.late_rows)


class World:
    """All that lives from one day to the next."""

    def __init__(
        self, calendar: Calendar, customers: int, days: int, shift_on: date | None
    ) -> None:
        self.calendar, self.customers = calendar, customers
        self.shift_day = calendar.day_of(shift_on) if shift_on else days
        self.people = Population.empty(known_customers(customers, calendar, days - 1))
        self.shop = Shop(self.people, calendar, customers)
        self.fraudsters = Fraudsters(self.people, calendar, self.shop)
        self.post = Post(calendar)

    def live(self, day: int) -> tuple[dict[str, pa.Table], dict[str, pa.Table]]:
        """One day: the rows that arrive on it by table, and its truths."""
        people, calendar = self.people, self.calendar
        drivers = SHIFTED if day >= self.shift_day else USUAL
        joined = join(people, calendar, self.customers, day)
        present = people.active(day)
        drift_moods(people, calendar, day, present)
        left = leave(people, calendar, day, present, drivers)
        today = people.active(day)
        truth = self._hazards(day, today, drivers) if calendar.date_of(day).weekday() == 0 else {}
        contacts = contact(people, calendar, day, today)
        _, terminal, sales = self.shop.sell(day, today)
        stolen, fraud = self.fraudsters.strike(day, today, terminal, sales)
        happened = {
            "customers": [joined, change_plans(people, calendar, day, today)],
            "transactions": [sales, stolen, self.shop.take_back(day)],
            "support_tickets": [open_tickets(people, calendar, day, today)],
            "engagement_events": [engage(people, calendar, day, today, drivers)],
            "churn_events": [left],
            "campaign_contacts": [contacts.table],
            "fraud_reports": [self.fraudsters.hear(day)],
        }
        if contacts.effect.size:
            truth["contact_effects"] = contacts.table.select(["contact_id"]).append_column(
                "effect", pa.array(contacts.effect)
            )
        if fraud.num_rows:
            truth["fraud"] = fraud
        return self.post.deliver(day, happened), truth

    def _hazards(self, day: int, today: np.ndarray, drivers: Drivers) -> dict[str, pa.Table]:
        """Each Monday, for every active customer: daily hazard without and with a contact, and what is latent."""
        people = self.people
        alone = log_hazard(people, self.calendar, day, today, drivers)
        effect = effect_of_contact(people, today)
        columns = {
            "customer_id": people.ids.take(pa.array(today)),
            "hazard": hazard(alone),
            "hazard_contacted": hazard(alone + effect),
            "engagement": people.engagement[today],
            "satisfaction": people.satisfaction[today],
            "price_sensitivity": people.price_sensitivity[today],
        }
        return {"hazards": pa.table(columns)}
