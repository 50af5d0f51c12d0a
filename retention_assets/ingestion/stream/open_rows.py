"""The delivered rows that the lake does not hold yet, and the landed files that the daily run reads.

One SQLite file below the home, written by the one process of the stream. It is what makes repeated
and interrupted deliveries harmless: a line is added once, a customer waits until the vector is
written, and a landed file is cut back to what is recorded before lines are added to it.
"""

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from retention_assets.ingestion.stream.delivery import Line
from retention_assets.sources.source_files import LANDED_SUFFIX

SCHEMA = """
CREATE TABLE IF NOT EXISTS lines (
  id INTEGER PRIMARY KEY, source_table TEXT, day TEXT, digest BLOB, text TEXT, origin TEXT,
  customer_id TEXT, reason TEXT, event_day TEXT, end_at INTEGER,
  UNIQUE (source_table, day, digest)
);
CREATE INDEX IF NOT EXISTS lines_of_customer ON lines (customer_id);
CREATE INDEX IF NOT EXISTS lines_to_land ON lines (id) WHERE end_at IS NULL;
CREATE TABLE IF NOT EXISTS waiting (customer_id TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS landed (
  source_table TEXT, day TEXT, size INTEGER, PRIMARY KEY (source_table, day)
);
"""


@dataclass(frozen=True)
class CheckedLine:
    """A line with its customer and the day of its event, where it has them, and the rules that it
    breaks; an empty `reason`: none.
    """

    line: Line
    customer_id: str | None
    event_day: date | None
    reason: str


class OpenRows:
    """The open rows of one home. `folder` has a folder of landed files per table."""

    def __init__(self, file: Path, folder: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        # Micro-batches and the loop that waits for new publications take turns on two threads.
        self._database = sqlite3.connect(file, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.executescript(SCHEMA)

    def close(self) -> None:
        self._database.close()

    def unknown(self, lines: Iterable[Line]) -> list[Line]:
        """The lines that were not delivered before, each once."""
        by_key = {_key(line): line for line in lines}
        query = "SELECT 1 FROM lines WHERE source_table = ? AND day = ? AND digest = ?"
        return [
            line for key, line in by_key.items() if not self._database.execute(query, key).fetchone()
        ]

    def add(self, lines: Iterable[CheckedLine]) -> None:
        """Adds lines, and has the customers of those that break no rule wait, in one commit."""
        rows = [
            (
                *_key(item.line),
                item.line.text,
                item.line.origin,
                item.customer_id,
                item.reason,
                item.event_day and str(item.event_day),
            )
            for item in lines
        ]
        customers = {(row[5],) for row in rows if not row[6]}
        with self._database as database:
            database.executemany(
                "INSERT OR IGNORE INTO lines (source_table, day, digest, text, origin, customer_id,"
                " reason, event_day) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )
            database.executemany("INSERT OR IGNORE INTO waiting VALUES (?)", customers)

    def waiting(self, limit: int) -> list[str]:
        """Customers whose vectors are to be written; those that wait longest come first."""
        rows = self._database.execute(
            "SELECT customer_id FROM waiting ORDER BY rowid LIMIT ?", (limit,)
        )
        return [row[0] for row in rows]

    def await_all(self) -> None:
        """Has all customers with open rows wait."""
        with self._database as database:
            database.execute(
                "INSERT OR IGNORE INTO waiting SELECT DISTINCT customer_id FROM lines"
                " WHERE reason = ''"
            )

    def written(self, customer_ids: Iterable[str]) -> None:
        """These customers wait no longer."""
        with self._database as database:
            ids = [(name,) for name in customer_ids]
            database.executemany("DELETE FROM waiting WHERE customer_id = ?", ids)

    def of_customers(self, customer_ids: Sequence[str]) -> dict[str, list[tuple[date, str]]]:
        """Table -> day of delivery and text of each open row of these customers that breaks no
        rule by itself.
        """
        with self._database as database:
            database.execute("CREATE TEMP TABLE IF NOT EXISTS chosen (customer_id TEXT PRIMARY KEY)")
            database.execute("DELETE FROM chosen")
            database.executemany(
                "INSERT INTO chosen VALUES (?)", [(name,) for name in customer_ids]
            )
        rows = self._database.execute(
            "SELECT source_table, day, text FROM chosen JOIN lines USING (customer_id)"
            " WHERE reason = '' ORDER BY source_table"
        )
        by_table: dict[str, list[tuple[date, str]]] = {}
        for table, day, text in rows:
            by_table.setdefault(table, []).append((date.fromisoformat(day), text))
        return by_table

    def newest_day(self, tables: Sequence[str]) -> date | None:
        """The latest day of an event of these tables that breaks no rule."""
        marks = ", ".join("?" * len(tables))
        (day,) = self._database.execute(
            f"SELECT max(event_day) FROM lines WHERE reason = '' AND source_table IN ({marks})",
            list(tables),
        ).fetchone()
        return date.fromisoformat(day) if day else None

    def days(self, table: str) -> list[date]:
        """The days on which open rows of the table were delivered."""
        rows = self._database.execute(
            "SELECT DISTINCT day FROM lines WHERE source_table = ?", (table,)
        )
        return [date.fromisoformat(row[0]) for row in rows]

    def count(self) -> int:
        return int(self._database.execute("SELECT count(*) FROM lines").fetchone()[0])

    def count_waiting(self) -> int:
        return int(self._database.execute("SELECT count(*) FROM waiting").fetchone()[0])

    def land(self) -> None:
        """Adds the lines that are not landed yet to their files, and records it."""
        rows = self._database.execute(
            "SELECT id, source_table, day, text FROM lines WHERE end_at IS NULL ORDER BY id"
        ).fetchall()
        by_file: dict[tuple[str, str], list[tuple[int, bytes]]] = {}
        for number, table, day, text in rows:
            by_file.setdefault((table, day), []).append((number, f"{text}\n".encode()))
        with self._database as database:
            for (table, day), lines in by_file.items():
                size = self._append(table, day, [text for _, text in lines])
                database.execute("INSERT OR REPLACE INTO landed VALUES (?, ?, ?)", (table, day, size))
                ends = _ends(lines, size)
                database.executemany("UPDATE lines SET end_at = ? WHERE id = ?", ends)

    def forget(self, sizes: Mapping[tuple[str, date], int]) -> None:
        """Drops the rows that the lake holds. `sizes`: how many bytes of the landed file of a table
        and day were read.
        """
        with self._database as database:
            database.executemany(
                "DELETE FROM lines WHERE source_table = ? AND day = ? AND end_at <= ?",
                [(table, str(day), size) for (table, day), size in sizes.items()],
            )

    def _append(self, table: str, day: str, lines: Sequence[bytes]) -> int:
        """Returns the file's size. What an interrupted call has written is cut off first."""
        file = self._folder / table / f"{day}{LANDED_SUFFIX}"
        file.parent.mkdir(parents=True, exist_ok=True)
        recorded = self._database.execute(
            "SELECT size FROM landed WHERE source_table = ? AND day = ?", (table, day)
        ).fetchone()
        with file.open("ab") as landed:
            if recorded:
                landed.truncate(min(recorded[0], landed.seek(0, os.SEEK_END)))
            landed.writelines(lines)
            landed.flush()
            os.fsync(landed.fileno())
            return landed.tell()


def _key(line: Line) -> tuple[str, str, bytes]:
    digest = hashlib.blake2b(line.text.encode(), digest_size=16).digest()
    return line.table, str(line.day), digest


def _ends(lines: Sequence[tuple[int, bytes]], size: int) -> list[tuple[int, int]]:
    """Where each line ends in a file of this size that they are the last lines of."""
    ends = []
    for number, text in reversed(lines):
        ends.append((size, number))
        size -= len(text)
    return ends
