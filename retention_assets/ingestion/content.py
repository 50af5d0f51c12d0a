"""What a row says, as a number."""

from collections.abc import Iterable

from pyspark.sql import Column
from pyspark.sql import functions as F


def content_hash(values: Iterable[Column]) -> Column:
    """The same for rows with the same values. A missing value counts as one: Spark's hash alone
    would skip it, and so confuse (missing, a) with (a, missing).
    """
    columns = list(values)
    return F.xxhash64(*columns, *[column.isNull() for column in columns])


def is_faulty() -> Column:
    """Whether a raw row could not be read in full. Then its text says more than its columns."""
    return F.col("row_fault").isNotNull() | (F.size("parse_errors") > 0)
