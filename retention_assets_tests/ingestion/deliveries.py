"""Random deliveries of a shop's orders: files that come late, change, repeat or correct others, are
taken away and sent again; and what is known of the orders at any day, by the definition.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from retention_assets_tests.sources.test_load_profile import DAY

Kind = Literal["dated", "stamped", "undated"]
Row = dict[str, Any]
START = date(2024, 1, 1)
HEADER = "line,order,customer,time,loaded,kind,total"
SOURCE_COLUMNS = {
    "line": "string", "order": "string", "customer": "string", "time": "timestamp",
    "loaded": "timestamp", "kind": "string", "total": "double",
}  # fmt: skip
COLUMNS = {
    "transaction_id": "line", "order_id": "order", "customer_id": "customer", "event_ts": "time",
    "kind": "kind", "amount": "total",
}  # fmt: skip


def profile_of(kind: Kind) -> dict[str, Any]:
    """A profile of the orders: with days in the names of files, with a stamp on each row as well,
    or with neither.
    """
    of_orders: dict[str, Any] = {
        "path": "orders/*.csv",
        "format": "csv",
        "source_columns": SOURCE_COLUMNS,
        "columns": COLUMNS | ({"ingested_ts": "loaded"} if kind == "stamped" else {}),
    }
    if kind != "undated":
        of_orders["day_from_filename"] = DAY
    columns = {"customer_id": "customer", "event_ts": "time"}
    customers = of_orders | {"derive": "first_seen", "columns": columns}
    return {
        "start": str(START),
        "end": "2024-12-31",
        "max_quarantined_share": 1.0,
        "churn": {"kind": "inactivity", "horizon_days": 60},
        "tables": {"transactions": of_orders, "customers": customers},
    }


@dataclass(frozen=True)
class Line:
    """A line of a file. Days are days of January."""

    key: str
    order: str
    customer: str
    day: int
    loaded: int
    kind: str
    amount: float

    def __str__(self) -> str:
        moment = f"{START + timedelta(days=self.day - 1)} 10:00:00"
        loaded = f"{START + timedelta(days=self.loaded - 1)} 12:00:00"
        return (
            f"{self.key},{self.order},{self.customer},{moment},{loaded},{self.kind},{self.amount}"
        )


@dataclass
class Shop:
    """The files of a shop, which changes them at random. `taken`: files that are not there now."""

    kind: Kind
    rng: random.Random
    files: dict[str, list[Line]] = field(default_factory=dict)
    taken: dict[str, list[Line]] = field(default_factory=dict)
    day: int = 1

    def work_until(self, day: int) -> None:
        """Adds the files of the days that pass, and changes, takes away or brings back others."""
        for passed in range(self.day + 1, day + 1):
            name = self._name(passed)
            self.files.setdefault(name, []).extend(self.new_line(passed) for _ in range(3))
            if self.rng.random() < 0.3 and len(self.files) > 1:
                self.taken[name] = self.files.pop(name)
        self.day = day
        for name in sorted(self.files):
            if self.rng.random() < 0.3:
                self._change(self.files[name])
        for name in sorted(self.taken):
            if self.rng.random() < 0.5:
                self.files[name] = self.taken.pop(name)
        if self.rng.random() < 0.5 and len(self.files) > 1:
            name = self.rng.choice(sorted(self.files))
            self.taken[name] = self.files.pop(name)

    def write(self, folder: Path) -> None:
        for name in self.taken:
            (folder / name).unlink(missing_ok=True)
        for name, lines in self.files.items():
            text = "\n".join([HEADER, *map(str, lines)]) + "\n"
            file = folder / name
            if not file.exists() or file.read_text() != text:
                file.write_text(text)

    def _name(self, day: int) -> str:
        return "all.csv" if self.kind == "undated" else f"2024-01-{day:02}.csv"

    def new_line(self, file_day: int) -> Line:
        """A line that names a new fact, corrects or repeats another, or is broken."""
        rng = self.rng
        day = max(1, file_day - rng.choice([0, 0, 0, 1, 4]))
        return Line(
            key=f"k{rng.randrange(8)}",
            order=f"o{rng.randrange(3)}",
            customer=rng.choice(["ann", "bob"]),
            day=rng.choice([day] * 12 + [-300, 400]),
            loaded=max(day, file_day - rng.choice([0, 0, 2])),
            kind=rng.choice(["sale", "sale", "return"]),
            amount=rng.choice([1.0, 2.5, 2.5, -1.0]),
        )

    def _change(self, lines: list[Line]) -> None:
        place = self.rng.randrange(len(lines))
        match self.rng.choice(["add", "repeat", "correct", "remove"]):
            case "add":
                lines.append(self.new_line(self.day))
            case "repeat":
                lines.append(lines[place])
            case "correct":
                lines[place] = replace(lines[place], amount=self.rng.choice([1.0, 2.5, 4.0]))
            case "remove" if len(lines) > 1:
                lines.pop(place)


def random_lines(kind: Kind, rng: random.Random) -> dict[int, list[Line]]:
    """Day of January -> the lines that a shop delivers on it. Stamped lines of one key have stamps
    of their own, by which the source says which of them is the later one.
    """
    shop = Shop(kind, rng)
    stamps: set[tuple[str, int]] = set()
    lines: dict[int, list[Line]] = {}
    for day in range(1, 9):
        lines[day] = []
        for line in [shop.new_line(day) for _ in range(8)]:
            if kind != "stamped" or (line.key, line.loaded) not in stamps:
                stamps.add((line.key, line.loaded))
                lines[day].append(line)
    return lines


def is_sound(row: Row) -> bool:
    times = row["event_ts"], row["stated_ts"], row["ingested_ts"]
    return (
        row["amount"] > 0
        and row["event_ts"].date() >= START
        and times[0] <= min(times[1], times[2])
    )


def known_rows(raw: Iterable[Row], day: date) -> list[Row]:
    """Of each key the row that is known to hold at the start of a day. `raw`: rows of
    raw/transactions with the number of their `content`.
    """
    best: dict[str, Row] = {}
    for row in raw:
        if not row["is_gone"] and row["arrival_date"] < day and is_sound(row):
            other = best.get(row["transaction_id"])
            if other is None or version(row) > version(other):
                best[row["transaction_id"]] = row
    return [row for row in best.values() if row["event_ts"].date() < day]


def version(row: Row) -> tuple[datetime, datetime, int]:
    return row["stated_ts"], row["ingested_ts"], row["content"]


def activity(rows: Iterable[Row]) -> dict[tuple[str, date], tuple]:
    """Customer and day -> purchases, revenue, returns, amount returned."""
    orders = defaultdict(set)
    amounts: Counter[tuple] = Counter()
    for row in rows:
        place = (row["customer_id"], row["event_ts"].date())
        orders[*place, row["kind"]].add(row["order_id"])
        amounts[*place, row["kind"]] += row["amount"]

    def totals(place: tuple[str, date]) -> Iterator[float]:
        for kind in ("sale", "return"):
            yield float(len(orders.get((*place, kind), ())))
            yield float(amounts[*place, kind])

    return {(customer, day): tuple(totals((customer, day))) for customer, day, _ in list(orders)}


def summed_tiles(tiles: Iterable[Row], day: date) -> Iterator[tuple[tuple[str, date], tuple]]:
    """What the tiles say at the start of a day, as `activity` does."""
    names = ("purchases", "revenue", "returns", "return_amount")
    sums: dict[tuple, Counter[str]] = defaultdict(Counter)
    for tile in tiles:
        if tile["event_date"] < day and tile["arrival_date"] < day:
            for name in names:
                sums[tile["customer_id"], tile["event_date"]][name] += tile[name]
    for place, totals in sums.items():
        if any(totals.values()):
            yield place, tuple(totals[name] for name in names)
