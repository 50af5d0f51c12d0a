"""Which examples the audit reads: customers of two as-of days, drawn by a hash. Frames in and out.

Its cost does not grow with the number of weeks or customers. The draw depends on the newest day
alone: the same training set gives the same sample, the next week's another one.
"""

import random
from collections.abc import Sequence
from datetime import date
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

CUSTOMERS = 200  # per day: of a leak in 2% of the rows, both days together miss .0003


def audited_days(examples: DataFrame) -> list[date]:
    """The newest as-of day and an older one, in order; none without examples."""
    days = sorted(row["as_of"] for row in examples.select("as_of").distinct().collect())
    if not days:
        return []
    older = random.Random(str(days[-1])).sample(days[:-1], min(1, len(days) - 1))
    return [*older, days[-1]]


def sampled(examples: DataFrame, days: Sequence[date], customers: int = CUSTOMERS) -> DataFrame:
    """The examples of at most so many customers on each of the days."""

    def of_day(day: date) -> DataFrame:
        drawn = F.xxhash64("customer_id", F.lit(str(day)))
        return examples.where(F.col("as_of") == F.lit(day)).orderBy(drawn).limit(customers)

    return reduce(DataFrame.unionByName, map(of_day, days))
