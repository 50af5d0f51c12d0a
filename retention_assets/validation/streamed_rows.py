"""Which rows of a micro-batch break a rule, and why: the rules that look at a row alone.

What a row is among the others with its key depends on what arrived before; split.py says it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retention_assets.validation.rules import Rule
from retention_assets.validation.split import BROKEN, broken_bits, reason

if TYPE_CHECKING:
    import pyarrow as pa


def check_rows(rows: DataFrame, rules: Sequence[Rule]) -> "pa.Table":
    """For each row: raw_text, source_file, customer_id, the day of its event, and the reasons why
    it is quarantined, empty if it is not.
    """
    marked = rows.withColumn(BROKEN, broken_bits(rules, of_key=False))
    return marked.select(
        "raw_text",
        "source_file",
        "customer_id",
        F.to_date("event_ts").alias("event_day"),
        reason(rules).alias("reason"),
    ).toArrow()
