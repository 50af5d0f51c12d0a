"""Fraud in three patterns, and its delayed reports.

The patterns follow the Fraud Detection Handbook (Le Borgne et al., 2022):

1. `high_amount`: one purchase far above what the customer usually spends.
2. `terminal`: a terminal is compromised for some days, and half of the payments at it are fraud.
3. `stolen_card`: for ten days a thief shops with the card, on a new device, at any terminal.

Most fraud is reported, with a median delay of a week; some never is.
"""

import numpy as np
import pyarrow as pa

from retention_assets.simulation.arrow_tables import build_table, day_identifiers, decode
from retention_assets.simulation.calendar import Day, Purpose
from retention_assets.simulation.orders import OrderLines, Shop
from retention_assets.simulation.population import Population

PATTERNS = ("high_amount", "terminal", "stolen_card")
REPORTERS = ("customer", "bank", "analyst")
REPORTER_SHARES = (0.60, 0.35, 0.05)
ANALYST = REPORTERS.index("analyst")
HIGH_AMOUNT_RATE = 1e-4  # per customer and day
HIGH_AMOUNT_FACTOR = 8.0
TERMINAL_RATE = 1e-3  # per terminal and day
TERMINAL_DAYS = (5, 15)  # at least 5, less than 15
TERMINAL_FRAUD_SHARE = 0.5
CARD_RATE = 3e-5  # per customer and day
CARD_DAYS = 10
CARD_ORDERS_PER_DAY = 0.8
CARD_FACTOR = 3.0
REPORTED_SHARE = 0.85
MEDIAN_REPORT_DAYS = 7.0
REPORT_LOG_SPREAD = 0.7
FALSE_ALARM_SHARE = 0.001


class Fraudsters:
    """Compromised terminals and cards, the fraud of each day, and the reports still due."""

    def __init__(self, people: Population, shop: Shop) -> None:
        self._people = people
        self._shop = shop
        self._terminal_until = np.full(shop.terminals, -1, dtype=np.int32)
        self._reports: dict[int, list[pa.Table]] = {}

    def commit_fraud(
        self, day: Day, active: np.ndarray, *, terminal: np.ndarray, sales: pa.Table
    ) -> tuple[pa.Table, pa.Table]:
        """The additional fraudulent `transactions`, and the id and pattern of all fraud.

        `terminal` is the terminal of each row of `sales`. The reports of this fraud are queued.
        """
        rng = day.stream(Purpose.FRAUD)
        self._compromise(rng, day, active)
        is_compromised = self._terminal_until[terminal] >= day.number
        at_terminal = is_compromised & (rng.random(terminal.size) < TERMINAL_FRAUD_SHARE)
        high = active[rng.random(active.size) < HIGH_AMOUNT_RATE]
        stolen = active[self._people.card_stolen_until[active] >= day.number]
        stolen = np.repeat(stolen, rng.poisson(CARD_ORDERS_PER_DAY, stolen.size))
        high_lines = self._orders(rng, day, high, factor=HIGH_AMOUNT_FACTOR)
        high_rows = self._shop.transactions(day, high_lines, rng, id_prefix="H")
        stolen_lines = self._orders(rng, day, stolen, factor=CARD_FACTOR)
        stolen_rows = self._shop.transactions(
            day, stolen_lines, rng, id_prefix="Q", device_prefix="Z"
        )
        added = pa.concat_tables([high_rows, stolen_rows])
        tampered = sales.filter(pa.array(at_terminal))
        fraud = pa.concat_tables([tampered, added])
        pattern = np.repeat([1, 0, 2], [tampered.num_rows, high.size, stolen.size])
        self._queue_reports(day, fraud, sales)
        truth = pa.table(
            {"transaction_id": fraud.column("transaction_id"), "pattern": decode(PATTERNS, pattern)}
        )
        return added, truth

    def _compromise(self, rng: np.random.Generator, day: Day, active: np.ndarray) -> None:
        terminals = np.flatnonzero(rng.random(self._shop.terminals) < TERMINAL_RATE)
        self._terminal_until[terminals] = day.number + rng.integers(*TERMINAL_DAYS, terminals.size)
        victims = active[rng.random(active.size) < CARD_RATE]
        self._people.card_stolen_until[victims] = day.number + CARD_DAYS

    def _orders(
        self, rng: np.random.Generator, day: Day, index: np.ndarray, *, factor: float
    ) -> OrderLines:
        """One-line orders of `factor` times the customer's usual line value, at any terminal."""
        noise = rng.normal(np.log(factor), 0.4, index.size)
        value = np.exp(self._people.log_line_value[index] + noise)
        terminal = rng.integers(0, self._shop.terminals, index.size)
        return OrderLines(
            index=index,
            event_us=day.random_times(rng, index.size),
            amount=np.round(value, 2),
            terminal=terminal,
            order=np.arange(index.size),
            quantity=np.ones(index.size),
        )

    def _queue_reports(self, day: Day, fraud: pa.Table, sales: pa.Table) -> None:
        """Queues reports of the day's fraud, and a few false alarms, which an analyst clears."""
        rng = day.stream(Purpose.REPORT)
        reported = fraud.filter(pa.array(rng.random(fraud.num_rows) < REPORTED_SHARE))
        alarms = sales.filter(pa.array(rng.random(sales.num_rows) < FALSE_ALARM_SHARE))
        reports = pa.concat_tables([reported, alarms]).select(["transaction_id", "customer_id"])
        is_fraud = np.repeat([True, False], [reported.num_rows, alarms.num_rows])
        reporter = np.where(is_fraud, rng.choice(3, is_fraud.size, p=REPORTER_SHARES), ANALYST)
        reports = reports.append_column("is_fraud", pa.array(is_fraud))
        reports = reports.append_column("reported_by", decode(REPORTERS, reporter))
        log_delay = rng.normal(0.0, REPORT_LOG_SPREAD, is_fraud.size)
        delay = np.ceil(MEDIAN_REPORT_DAYS * np.exp(log_delay) - 0.5).astype(np.int64)
        delay = np.maximum(delay, 1)
        for days in np.unique(delay):
            due = reports.filter(pa.array(delay == days))
            self._reports.setdefault(day.number + int(days), []).append(due)

    def due_reports(self, day: Day) -> pa.Table:
        """The day's `fraud_reports`."""
        due = self._reports.pop(day.number, [])
        rng = day.stream(Purpose.REPORT)
        size = sum(table.num_rows for table in due)
        columns = pa.concat_tables(due).to_pydict() if due else {}
        columns["report_id"] = day_identifiers("F", day.number, np.arange(size))
        columns["event_ts"] = day.random_times(rng, size)
        return build_table("fraud_reports", columns)
