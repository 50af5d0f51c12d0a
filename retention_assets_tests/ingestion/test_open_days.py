"""What the ledger is told about the rows of each file."""

from datetime import date

from retention_assets.ingestion.open_days import FileDay, stored_by_file
from retention_assets.sources.ledger import StoredRows


def test_rows_of_open_days_are_counted_by_file() -> None:
    """A day that is not over cannot be closed: the file may change once more today."""
    yesterday = date(2024, 1, 9)
    counts = [
        FileDay("a.csv", date(2024, 1, 4), rows=5, gone=0),  # closed
        FileDay("a.csv", date(2024, 1, 5), rows=2, gone=1),
        FileDay("a.csv", date(2024, 1, 8), rows=1, gone=0),
        FileDay("b.csv", date(2024, 1, 10), rows=3, gone=0),
    ]
    assert stored_by_file(counts, date(2024, 1, 5), yesterday) == {
        "a.csv": StoredRows(3, 1, date(2024, 1, 8)),
        "b.csv": StoredRows(3, 0, yesterday),
    }
