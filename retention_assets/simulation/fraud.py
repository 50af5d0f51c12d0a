"""Fraud in three patterns, after the Fraud Detection Handbook (Le Borgne et al., 2022), and its late reports.

1 `high_amount`: a single purchase far above the customer's habit. 2 `terminal`: a terminal is compromised for a while
and half of what passes through it is fraud. 3 `stolen_card`: for ten days somebody else shops with the card, on a
device never seen, at terminals all over. Most is reported, a week later in the median; some of it never is.
"""

import numpy as np
import pyarrow as pa

from retention_assets.simulation.calendar import Calendar, Purpose
from retention_assets.simulation.orders import Shop
from retention_assets.simulation.population import Population
from retention_assets.simulation.rows import chosen, day_labels, day_times, rows

PATTERNS = ("high_amount", "terminal", "stolen_card")
REPORTERS = ("customer", "bank", "analyst")
HIGH_AMOUNT_RATE = 1e-4  # per customer and day
TERMINAL_RATE = 1e-3  # per terminal and day
TERMINAL_DAYS = (5, 15)
TERMINAL_FRAUD_SHARE = 0.5
CARD_RATE = 3e-5  # per customer and day
CARD_DAYS = 10
CARD_ORDERS_PER_DAY = 0.8
REPORTED_SHARE = 0.85
MEDIAN_REPORT_DAYS = 7.0
REPORT_SPREAD = 0.7
CLEARED_SHARE = 0.001


class Fraudsters:
    """Compromised terminals and cards, the fraud of each day, and the reports that are under way."""

    def __init__(self, people: Population, calendar: Calendar, shop: Shop) -> None:
        self.people, self.calendar, self.shop = people, calendar, shop
        self.terminal_until = np.full(shop.terminals, -1, dtype=np.int32)
        self.reports: dict[int, list[pa.Table]] = {}

    def strike(
        self, day: int, today: np.ndarray, terminal: np.ndarray, sales: pa.Table
    ) -> tuple[pa.Table, pa.Table]:
        """The day's extra fraudulent `transactions`, and the truth: transaction_id and pattern of all its fraud."""
        rng = self.calendar.stream(day, Purpose.FRAUD)
        self._compromise(rng, day, today)
        at_terminal = (self.terminal_until[terminal] >= day) & (
            rng.random(terminal.size) < TERMINAL_FRAUD_SHARE
        )
        high = today[rng.random(today.size) < HIGH_AMOUNT_RATE]
        stolen = today[self.people.card_stolen_until[today] >= day]
        stolen = np.repeat(stolen, rng.poisson(CARD_ORDERS_PER_DAY, stolen.size))
        extra = pa.concat_tables(
            [
                self._extra(rng, day, high, 8.0, "H", "D"),
                self._extra(rng, day, stolen, 3.0, "Q", "Z"),
            ]
        )
        tampered = sales.filter(pa.array(at_terminal))
        pattern = np.repeat([1, 0, 2], [tampered.num_rows, high.size, stolen.size])
        fraud = pa.concat_tables([tampered, extra])
        self._report(day, fraud, sales)
        truth = pa.table(
            {"transaction_id": fraud.column("transaction_id"), "pattern": chosen(PATTERNS, pattern)}
        )
        return extra, truth

    def _compromise(self, rng: np.random.Generator, day: int, today: np.ndarray) -> None:
        hit = np.flatnonzero(rng.random(self.shop.terminals) < TERMINAL_RATE)
        self.terminal_until[hit] = day + rng.integers(*TERMINAL_DAYS, hit.size)
        victims = today[rng.random(today.size) < CARD_RATE]
        self.people.card_stolen_until[victims] = day + CARD_DAYS

    def _extra(
        self,
        rng: np.random.Generator,
        day: int,
        who: np.ndarray,
        factor: float,
        letter: str,
        device: str,
    ) -> pa.Table:
        """One-line orders of `factor` times the customer's usual value, anywhere."""
        value = np.exp(self.people.basket[who] + rng.normal(np.log(factor), 0.4, who.size))
        terminal = rng.integers(0, self.shop.terminals, who.size)
        moment = day_times(self.calendar.midnight_us(day), rng, who.size)
        numbers = np.arange(who.size)
        return self.shop.lines(
            day,
            who,
            moment,
            np.round(value, 2),
            terminal,
            numbers,
            np.ones(who.size),
            rng,
            letter,
            device,
        )

    def _report(self, day: int, fraud: pa.Table, sales: pa.Table) -> None:
        """Sets the reports of the day's fraud going, and a few false alarms that end up cleared."""
        rng = self.calendar.stream(day, Purpose.REPORT)
        reported = fraud.filter(pa.array(rng.random(fraud.num_rows) < REPORTED_SHARE))
        alarms = sales.filter(pa.array(rng.random(sales.num_rows) < CLEARED_SHARE))
        about = pa.concat_tables([reported, alarms]).select(["transaction_id", "customer_id"])
        is_fraud = np.repeat([True, False], [reported.num_rows, alarms.num_rows])
        by = np.where(is_fraud, rng.choice(3, is_fraud.size, p=(0.60, 0.35, 0.05)), 2)
        about = about.append_column("is_fraud", pa.array(is_fraud)).append_column(
            "reported_by", chosen(REPORTERS, by)
        )
        delay = np.ceil(
            MEDIAN_REPORT_DAYS * np.exp(rng.normal(0.0, REPORT_SPREAD, is_fraud.size)) - 0.5
        ).astype(np.int64)
        delay = np.maximum(delay, 1)
        for wait in np.unique(delay):
            self.reports.setdefault(day + int(wait), []).append(
                about.filter(pa.array(delay == wait))
            )

    def hear(self, day: int) -> pa.Table:
        """The day's `fraud_reports`."""
        arrived = self.reports.pop(day, [])
        rng = self.calendar.stream(day, Purpose.REPORT)
        size = sum(table.num_rows for table in arrived)
        columns = pa.concat_tables(arrived).to_pydict() if arrived else {}
        own = {
            "report_id": day_labels("F", day, np.arange(size)),
            "event_ts": day_times(self.calendar.midnight_us(day), rng, size),
        }
        return rows("fraud_reports", columns | own)
