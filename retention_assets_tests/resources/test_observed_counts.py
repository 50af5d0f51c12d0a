"""Counts of an observation are exact, however Spark spreads the rows over its tasks."""

from pyspark.sql import functions as F

from retention_assets.resources.lake import Lake
from retention_assets.resources.observed_counts import CountsByNumber


def test_counts_by_number_are_exact(lake: Lake) -> None:
    """Rows of each number lie in several tasks, in unequal parts."""
    numbers = lake.spark.range(0, 9100, numPartitions=7).selectExpr("id % 96 AS number")
    counted = CountsByNumber(numbers, F.col("number"), 96)
    assert counted.frame.count() == 9100
    expected = {row["number"]: row["count"] for row in numbers.groupBy("number").count().collect()}
    assert len(expected) == 96 and dict(counted.rows()) == expected


def test_counts_of_no_rows_are_empty(lake: Lake) -> None:
    numbers = lake.spark.range(0)
    counted = CountsByNumber(numbers, F.col("id"), 3)
    assert counted.frame.count() == 0
    assert counted.rows() == {}
