"""Sales and returns of a day. Returned lines come back days later; the day that they come is drawn at the sale."""

import numpy as np
import pyarrow as pa

from retention_assets.simulation.calendar import Calendar, Purpose
from retention_assets.simulation.latent_state import order_rate, return_chance
from retention_assets.simulation.population import Population
from retention_assets.simulation.rows import (
    SCHEMAS,
    chosen,
    day_labels,
    day_times,
    joined,
    labels,
    rows,
)

PRODUCTS = 400
TERMINALS_PER_CUSTOMER = 1 / 50
FEWEST_TERMINALS = 20
KINDS = ("sale", "return")


def terminal_count(customers: int) -> int:
    return max(FEWEST_TERMINALS, int(customers * TERMINALS_PER_CUSTOMER))


def home_terminals(who: np.ndarray, terminals: int, rng: np.random.Generator) -> np.ndarray:
    """Each customer pays at about five terminals."""
    return (who * 7 + rng.integers(0, 5, who.size) * 13) % terminals


class Shop:
    """The day's order lines, and the returns that earlier days have set going."""

    def __init__(self, people: Population, calendar: Calendar, customers: int) -> None:
        self.people, self.calendar, self.terminals = people, calendar, terminal_count(customers)
        self.returning: dict[int, list[tuple[np.ndarray, pa.Table]]] = {}

    def sell(self, day: int, today: np.ndarray) -> tuple[np.ndarray, np.ndarray, pa.Table]:
        """Customer and terminal of each line, and the day's sales as `transactions`."""
        rng = self.calendar.stream(day, Purpose.ORDER)
        buyers = np.repeat(today, rng.poisson(order_rate(self.people, self.calendar, day, today)))
        lines = 1 + rng.poisson(0.6, buyers.size)
        order = np.repeat(np.arange(buyers.size), lines)
        terminal = home_terminals(buyers, self.terminals, rng)[order]
        moment = day_times(self.calendar.midnight_us(day), rng, buyers.size)[order]
        who = buyers[order]
        quantity = 1.0 + rng.poisson(0.5, who.size)
        value = np.exp(self.people.basket[who] + rng.normal(0.0, 0.6, who.size)) * quantity
        table = self.lines(
            day, who, moment, np.round(np.maximum(value, 0.5), 2), terminal, order, quantity, rng
        )
        self._plan_returns(day, who, table)
        return who, terminal, table

    def lines(
        self,
        day: int,
        who: np.ndarray,
        moment: np.ndarray,
        amount: np.ndarray,
        terminal: np.ndarray,
        order: np.ndarray,
        quantity: np.ndarray,
        rng: np.random.Generator,
        letter: str = "T",
        device: str = "D",
    ) -> pa.Table:
        """Sale lines as `transactions`; `letter` and `device` keep apart what different streams draw."""
        return rows(
            "transactions",
            {
                "transaction_id": day_labels(letter, day, np.arange(who.size)),
                "order_id": day_labels("O" + letter, day, order),
                "customer_id": self.people.ids.take(pa.array(who)),
                "event_ts": moment,
                "kind": chosen(KINDS, np.zeros(who.size, dtype=np.int64)),
                "amount": amount,
                "quantity": quantity,
                "product_id": labels(
                    "P", (PRODUCTS * rng.beta(0.8, 2.0, who.size)).astype(np.int64), 4
                ),
                "card_id": labels("K", who + 1, 7),
                "device_id": labels(device, who * 3 + rng.integers(0, 2, who.size), 8),
                "terminal_id": labels("M", terminal, 5),
            },
        )

    def _plan_returns(self, day: int, who: np.ndarray, table: pa.Table) -> None:
        rng = self.calendar.stream(day, Purpose.RETURN)
        back = np.flatnonzero(rng.random(who.size) < return_chance(self.people, who))
        delay = rng.integers(2, 22, back.size)
        for wait in np.unique(delay):
            lines = back[delay == wait]
            self.returning.setdefault(day + int(wait), []).append(
                (who[lines], table.take(pa.array(lines)))
            )

    def take_back(self, day: int) -> pa.Table:
        """The day's returns, of the whole line, in the order of the sale; each costs a little satisfaction."""
        arrived = self.returning.pop(day, [])
        if not arrived:
            return SCHEMAS["transactions"].empty_table()
        sold = pa.concat_tables([table for _, table in arrived])
        np.subtract.at(self.people.satisfaction, np.concatenate([who for who, _ in arrived]), 0.08)
        rng = self.calendar.stream(day, Purpose.RETURN)
        moment = day_times(self.calendar.midnight_us(day), rng, sold.num_rows)
        columns = {name: sold.column(name) for name in sold.column_names}
        columns["transaction_id"] = joined(
            pa.scalar("R"), sold.column("transaction_id"), separator="-"
        )
        columns["kind"] = chosen(KINDS, np.ones(sold.num_rows, dtype=np.int64))
        return rows("transactions", columns | {"event_ts": moment})
