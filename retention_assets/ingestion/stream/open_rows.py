"""The delivered rows that the lake does not hold yet, and the landed files for the daily run.

One SQLite file below the home, written by the one process of the stream. It makes repeated and
interrupted deliveries harmless: a line is added once, and a landed file is cut back to what is
recorded before lines are added to it.
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
  id INTEGER PRIMARY KEY, source_table TEXT, day TEXT, digest BLOB, text TEXT,
  customer_id TEXT, reason TEXT, event_day TEXT, end_at INTEGER,
  UNIQUE (source_table, day, digest)
);
CREATE INDEX IF NOT EXISTS lines_of_customer ON lines (customer_id);
CREATE INDEX IF NOT EXISTS lines_to_land ON lines (id) WHERE end_at IS NULL;
CREATE TABLE IF NOT EXISTS landed (
  source_table TEXT, day TEXT, size INTEGER, PRIMARY KEY (source_table, day)
);
"""


@dataclass(frozen=True)
class CheckedLine:
    """A line with its customer, the day of its event, and the rules that it breaks; an empty
    `reason`: none.
    """

    line: Line
    customer_id: str | None
    reason: str
    event_day: date | None = None


@dataclass(frozen=True)
class OpenLine:
    """A line that breaks no rule by itself. `number` counts up in the order of delivery."""

    number: int
    table: str
    day: date
    text: str


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
            line
            for key, line in by_key.items()
            if not self._database.execute(query, key).fetchone()
        ]

    def add(self, lines: Iterable[CheckedLine]) -> None:
        """Adds lines in one commit."""
        rows = [
            (
                *_key(item.line),
                item.line.text,
                item.customer_id,
                item.reason,
                str(item.event_day) if item.event_day else None,
            )
            for item in lines
        ]
        with self._database as database:
            database.executemany(
                "INSERT OR IGNORE INTO lines (source_table, day, digest, text, customer_id, reason,"
                " event_day) VALUES (?, ?, ?, ?, ?, ?, ?)",
                rows,
            )

    def of_customers(self, customer_ids: Sequence[str]) -> list[OpenLine]:
        """The lines of these customers that break no rule by themselves."""
        with self._database as database:
            database.execute(
                "CREATE TEMP TABLE IF NOT EXISTS chosen (customer_id TEXT PRIMARY KEY)"
            )
            database.execute("DELETE FROM chosen")
            database.executemany(
                "INSERT INTO chosen VALUES (?)", [(name,) for name in customer_ids]
            )
        return self._open_lines("JOIN chosen USING (customer_id) WHERE reason = ''")

    def after(self, number: int, limit: int) -> list[OpenLine]:
        """The next lines in the order of delivery."""
        return self._open_lines("WHERE reason = '' AND id > ? ORDER BY id LIMIT ?", (number, limit))

    def days(self, table: str) -> list[date]:
        """The days on which open rows of the table were delivered."""
        query = "SELECT DISTINCT day FROM lines WHERE source_table = ?"
        return [date.fromisoformat(day) for (day,) in self._database.execute(query, (table,))]

    def newest_day(self, tables: Sequence[str]) -> date | None:
        """The latest day of an event in the rows of these tables that break no rule."""
        marks = ", ".join("?" * len(tables))
        query = f"SELECT max(event_day) FROM lines WHERE reason = '' AND source_table IN ({marks})"
        (day,) = self._database.execute(query, list(tables)).fetchone()
        return date.fromisoformat(day) if day else None

    def count(self) -> int:
        return int(self._database.execute("SELECT count(*) FROM lines").fetchone()[0])

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
                database.execute(
                    "INSERT OR REPLACE INTO landed VALUES (?, ?, ?)", (table, day, size)
                )
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

    def _open_lines(self, condition: str, values: Sequence[object] = ()) -> list[OpenLine]:
        rows = self._database.execute(
            f"SELECT id, source_table, day, text FROM lines {condition}", values
        )
        return [
            OpenLine(number, table, date.fromisoformat(day), text)
            for number, table, day, text in rows
        ]

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
