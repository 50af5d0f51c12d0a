"""The embedded source: a subscription retailer, simulated day by day.

Each day of arrival is written to one Parquet file per table.

The same arguments give the same bytes; a longer simulation repeats the days of a shorter one and
adds to them. What is true but not observable (hazards, effects of contacts, which transactions are
fraud) goes to `truth/`, which no asset reads.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from retention_assets.simulation.calendar import Calendar, Day
from retention_assets.simulation.campaigns import contact_customers, contact_effect
from retention_assets.simulation.delivery import DeliveryQueue, corrupt_rows
from retention_assets.simulation.departures import simulate_departures
from retention_assets.simulation.engagement import engage, open_tickets
from retention_assets.simulation.fraud import Fraudsters
from retention_assets.simulation.latent_state import (
    SHIFTED,
    USUAL,
    Drivers,
    hazard,
    log_hazard,
    update_latent_state,
)
from retention_assets.simulation.orders import Shop
from retention_assets.simulation.population import (
    Population,
    change_plans,
    known_customers,
    sign_up,
)

FIRST_DATE = date(2024, 1, 1)
TRUTH = "truth"
TRUTH_WEEKDAY = 0
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class SimulationSummary:
    """Size of a simulation: customers known at its end, days, rows by table, late rows."""

    customers: int
    days: int
    rows: dict[str, int]
    late_rows: int


def simulate(
    out: Path,
    *,
    customers: int,
    days: int,
    seed: int,
    start: date = FIRST_DATE,
    first_day: int = 0,
    dirty: float = 0.0,
    shift_on: date | None = None,
    progress: Progress | None = None,
) -> SimulationSummary:
    """Writes `<out>/<table>/<day>.parquet` for the days from `first_day` on.

    Earlier days are simulated and not written. `customers` counts those known within the first 365
    days. `dirty` is the share of corrupted rows. From `shift_on` on, other things drive departures,
    and there are half as many logins. `progress` is called after each day with the number of days
    done and of all days.
    """
    calendar = Calendar(start, seed)
    world = World(calendar, customers, days, shift_on=shift_on)
    row_counts: dict[str, int] = {}
    for number in range(days):
        day = calendar.day(number)
        arriving, truth = world.simulate_day(day)
        if number >= first_day:
            for name, clean in arriving.items():
                table = corrupt_rows(day, name, clean, share=dirty)
                row_counts[name] = row_counts.get(name, 0) + table.num_rows
                # The first day has a file of every table, so that readers find its columns.
                if table.num_rows or number == 0:
                    write_day(out / name, table, day.date)
            for name, table in truth.items():
                write_day(out / TRUTH / name, table, day.date)
        if progress:
            progress(number + 1, days)
    return SimulationSummary(world.people.count, days, row_counts, world.deliveries.late_rows)


def write_day(folder: Path, table: pa.Table, day: date) -> None:
    """Writes `<folder>/<day>.parquet`, first under a hidden name: no reader sees half a file."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{day}.parquet.part"
    pq.write_table(table, draft, compression="zstd", store_schema=False)
    draft.replace(folder / f"{day}.parquet")


class World:
    """All state that passes from one day to the next."""

    def __init__(
        self, calendar: Calendar, customers: int, days: int, *, shift_on: date | None
    ) -> None:
        self.people = Population.empty(known_customers(customers, calendar, days - 1))
        self.deliveries = DeliveryQueue()
        self._calendar = calendar
        self._customers = customers
        self._shift_day = calendar.day_number(shift_on) if shift_on else days
        self._shop = Shop(self.people, customers)
        self._fraudsters = Fraudsters(self.people, self._shop)

    def simulate_day(self, day: Day) -> tuple[dict[str, pa.Table], dict[str, pa.Table]]:
        """The rows that arrive on the day, by table, and the day's truth, by name."""
        people = self.people
        drivers = SHIFTED if day.number >= self._shift_day else USUAL
        signed_up = sign_up(people, self._calendar, day, customers=self._customers)
        active_before = people.active(day)
        update_latent_state(people, day, active_before)
        departures = simulate_departures(people, day, active_before, drivers=drivers)
        active = people.active(day)
        truth = {}
        if day.date.weekday() == TRUTH_WEEKDAY:
            truth["hazards"] = self._true_hazards(day, active, drivers)
        contacts = contact_customers(people, day, active)
        terminal, sales = self._shop.sell(day, active)
        added, fraud = self._fraudsters.commit_fraud(day, active, terminal=terminal, sales=sales)
        events = {
            "customers": [signed_up, change_plans(people, day, active)],
            "transactions": [sales, added, self._shop.due_returns(day)],
            "support_tickets": [open_tickets(people, day, active)],
            "engagement_events": [engage(people, day, active, drivers=drivers)],
            "churn_events": [departures],
            "campaign_contacts": [contacts.table],
            "fraud_reports": [self._fraudsters.due_reports(day)],
        }
        if contacts.effect.size:
            contact_ids = contacts.table.select(["contact_id"])
            truth["contact_effects"] = contact_ids.append_column(
                "effect", pa.array(contacts.effect)
            )
        if fraud.num_rows:
            truth["fraud"] = fraud
        return self.deliveries.deliver(day, events), truth

    def _true_hazards(self, day: Day, active: np.ndarray, drivers: Drivers) -> pa.Table:
        """Per active customer: daily hazard without and with a contact, and the latent state."""
        people = self.people
        log_hazards = log_hazard(people, day, active, drivers=drivers)
        return pa.table(
            {
                "customer_id": people.ids.take(pa.array(active)),
                "hazard": hazard(log_hazards),
                "hazard_contacted": hazard(log_hazards + contact_effect(people, active)),
                "engagement": people.engagement[active],
                "satisfaction": people.satisfaction[active],
                "price_sensitivity": people.price_sensitivity[active],
            }
        )
