"""Sales and returns of a day. Whether and when a line comes back is drawn at the sale."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from retention_assets.simulation.arrow_tables import (
    SCHEMAS,
    build_table,
    concat_text,
    day_identifiers,
    decode,
    identifiers,
)
from retention_assets.simulation.calendar import Day, Purpose
from retention_assets.simulation.latent_state import order_rate, return_probability
from retention_assets.simulation.population import Population

PRODUCTS = 400
TERMINALS_PER_CUSTOMER = 1 / 50
FEWEST_TERMINALS = 20
LOWEST_AMOUNT = 0.5
RETURN_DAYS = (2, 22)  # at least 2, less than 22
SATISFACTION_LOST_PER_RETURN = 0.08
KINDS = ("sale", "return")


def terminal_count(customers: int) -> int:
    return max(FEWEST_TERMINALS, int(customers * TERMINALS_PER_CUSTOMER))


def usual_terminals(index: np.ndarray, terminals: int, rng: np.random.Generator) -> np.ndarray:
    """One of the five terminals at which each customer usually pays."""
    return (index * 7 + rng.integers(0, 5, index.size) * 13) % terminals


@dataclass(frozen=True)
class OrderLines:
    """Sold lines of a day, one entry per line in every array."""

    index: np.ndarray  # of the customer
    event_us: np.ndarray
    amount: np.ndarray
    terminal: np.ndarray
    order: np.ndarray  # number of the order within the day
    quantity: np.ndarray


class Shop:
    """Sells order lines, and keeps the lines that will be returned until the day they are."""

    def __init__(self, people: Population, customers: int) -> None:
        self.terminals = terminal_count(customers)
        self._people = people
        self._returns: dict[int, list[tuple[np.ndarray, pa.Table]]] = {}

    def sell(self, day: Day, active: np.ndarray) -> tuple[np.ndarray, pa.Table]:
        """The terminal of each line, and the day's sales as `transactions`."""
        people = self._people
        rng = day.stream(Purpose.ORDER)
        buyers = np.repeat(active, rng.poisson(order_rate(people, day, active)))
        line_count = 1 + rng.poisson(0.6, buyers.size)
        order = np.repeat(np.arange(buyers.size), line_count)
        terminal = usual_terminals(buyers, self.terminals, rng)[order]
        event_us = day.random_times(rng, buyers.size)[order]
        index = buyers[order]
        quantity = 1.0 + rng.poisson(0.5, index.size)
        value = np.exp(people.log_line_value[index] + rng.normal(0.0, 0.6, index.size)) * quantity
        lines = OrderLines(
            index=index,
            event_us=event_us,
            amount=np.round(np.maximum(value, LOWEST_AMOUNT), 2),
            terminal=terminal,
            order=order,
            quantity=quantity,
        )
        table = self.transactions(day, lines, rng)
        self._plan_returns(day, index, table)
        return terminal, table

    def transactions(
        self,
        day: Day,
        lines: OrderLines,
        rng: np.random.Generator,
        *,
        id_prefix: str = "T",
        device_prefix: str = "D",
    ) -> pa.Table:
        """Sold lines as `transactions`. Prefixes keep the identifiers of two streams apart."""
        size = lines.index.size
        product = (PRODUCTS * rng.beta(0.8, 2.0, size)).astype(np.int64)
        device = lines.index * 3 + rng.integers(0, 2, size)
        return build_table(
            "transactions",
            {
                "transaction_id": day_identifiers(id_prefix, day.number, np.arange(size)),
                "order_id": day_identifiers("O" + id_prefix, day.number, lines.order),
                "customer_id": self._people.ids.take(pa.array(lines.index)),
                "event_ts": lines.event_us,
                "kind": decode(KINDS, np.zeros(size, dtype=np.int64)),
                "amount": lines.amount,
                "quantity": lines.quantity,
                "product_id": identifiers("P", product, 4),
                "card_id": identifiers("K", lines.index + 1, 7),
                "device_id": identifiers(device_prefix, device, 8),
                "terminal_id": identifiers("M", lines.terminal, 5),
            },
        )

    def _plan_returns(self, day: Day, index: np.ndarray, table: pa.Table) -> None:
        rng = day.stream(Purpose.RETURN)
        is_returned = rng.random(index.size) < return_probability(self._people, index)
        returned = np.flatnonzero(is_returned)
        delay = rng.integers(*RETURN_DAYS, returned.size)
        for days in np.unique(delay):
            lines = returned[delay == days]
            self._returns.setdefault(day.number + int(days), []).append(
                (index[lines], table.take(pa.array(lines)))
            )

    def due_returns(self, day: Day) -> pa.Table:
        """The day's returns of whole lines, in the order of sale. Each lowers satisfaction."""
        due = self._returns.pop(day.number, [])
        if not due:
            return SCHEMAS["transactions"].empty_table()
        sold = pa.concat_tables([table for _, table in due])
        index = np.concatenate([customer_index for customer_index, _ in due])
        np.subtract.at(self._people.satisfaction, index, SATISFACTION_LOST_PER_RETURN)
        rng = day.stream(Purpose.RETURN)
        columns = {name: sold.column(name) for name in sold.column_names}
        columns["event_ts"] = day.random_times(rng, sold.num_rows)
        columns["transaction_id"] = concat_text(
            pa.scalar("R"), sold.column("transaction_id"), separator="-"
        )
        columns["kind"] = decode(KINDS, np.ones(sold.num_rows, dtype=np.int64))
        return build_table("transactions", columns)
