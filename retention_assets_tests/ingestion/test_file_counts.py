"""What the ledger is told about the rows of each file."""

from datetime import date

import pytest

from retention_assets.errors import LedgerError
from retention_assets.ingestion.file_counts import (
    FileDay,
    RowsRead,
    counts_by_file_and_day,
    rows_by_file,
    stored_by_file,
)
from retention_assets.resources.lake import Lake
from retention_assets.sources.ledger import StoredRows


def test_stored_rows_are_counted_by_file() -> None:
    """A day that is not over cannot be closed: the file may change once more today."""
    yesterday = date(2024, 1, 9)
    counts = [
        FileDay("a.csv", date(2024, 1, 3), rows=4, gone=0),  # closed, as is the next
        FileDay("a.csv", date(2024, 1, 4), rows=1, gone=2),
        FileDay("a.csv", date(2024, 1, 5), rows=2, gone=1),
        FileDay("a.csv", date(2024, 1, 8), rows=1, gone=0),
        FileDay("b.csv", date(2024, 1, 10), rows=3, gone=0),
    ]
    read = {"a.csv": 5, "empty.csv": 0}
    days = {"first_open": date(2024, 1, 5), "last_complete": yesterday}
    assert stored_by_file(counts, read, **days) == {
        "a.csv": StoredRows(read=5, kept=2, rows=3, gone=1, newest_arrival=date(2024, 1, 8)),
        "b.csv": StoredRows(read=None, kept=0, rows=3, gone=0, newest_arrival=yesterday),
        "empty.csv": StoredRows(read=0),
    }


def test_rows_are_counted_while_they_are_read(lake: Lake) -> None:
    """Several tasks read parts of one file, of unequal size: the counts are exact."""
    paths = [f"orders/{number}.csv" for number in range(300)]
    read = lake.spark.range(0, 3000, numPartitions=7).selectExpr(
        "concat('orders/', id % 299, '.csv') AS source_file", "'a row' AS raw_text"
    )
    counted = RowsRead(read, paths)
    assert counted.frame.count() == 3000
    assert counted.by_file() == rows_by_file(read) | {"orders/299.csv": 0}
    elsewhere = RowsRead(read, paths[:2])
    elsewhere.frame.collect()
    with pytest.raises(LedgerError, match="2978 rows name another file"):
        elsewhere.by_file()


def test_closed_days_are_counted_of_named_files(lake: Lake) -> None:
    rows = [("a.csv", 1, False), ("a.csv", 5, True), ("b.csv", 1, False), ("b.csv", 5, False)]
    stored = lake.spark.createDataFrame(
        [(path, date(2024, 1, day), gone) for path, day, gone in rows],
        "source_file string, arrival_date date, is_gone boolean",
    )
    counts = counts_by_file_and_day(stored, since=date(2024, 1, 5), paths=["a.csv"])
    assert sorted(counts, key=str) == [
        FileDay("a.csv", date(2024, 1, 1), rows=1, gone=0),
        FileDay("a.csv", date(2024, 1, 5), rows=0, gone=1),
        FileDay("b.csv", date(2024, 1, 5), rows=1, gone=0),
    ]
