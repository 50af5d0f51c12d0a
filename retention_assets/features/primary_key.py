"""The primary key of the feature tables: one row per customer."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from retention_assets.errors import DuplicateKeyError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

PRIMARY_KEY = "customer_id"
LISTED = 5  # customers that the error names


def require_primary_key(frame: "DataFrame", table: str) -> "DataFrame":
    """The frame. Raises DuplicateKeyError if a customer has two rows, or a row has no customer."""
    from pyspark.sql import functions as F

    rows = frame.groupBy(PRIMARY_KEY).agg(F.count(F.lit(1)).alias("rows"))
    wrong = rows.where(f"rows > 1 OR {PRIMARY_KEY} IS NULL").orderBy(PRIMARY_KEY).limit(LISTED)
    _refuse([row[PRIMARY_KEY] for row in wrong.collect()], table)
    return frame


def require_unique(customer_ids: Iterable[str | None], table: str) -> None:
    """Raises DuplicateKeyError as `require_primary_key` does."""
    counts = Counter(customer_ids)
    wrong = {name for name, rows in counts.items() if rows > 1 or name is None}
    _refuse(sorted(wrong, key=str)[:LISTED], table)


def _refuse(names: Sequence[str | None], table: str) -> None:
    if names:
        listed = ", ".join("null" if name is None else name for name in names)
        raise DuplicateKeyError(
            f"{table} must have one row per {PRIMARY_KEY}, which is not so for {listed}.",
            f"Materialize {table} again: it is computed with one row per customer.",
        )
