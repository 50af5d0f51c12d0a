"""The two samples that a drift report compares: who the champion was fitted on, and whom it is asked about now.

Frames in, columns of numbers out. Both sides hold the same kind of customer, or everybody who has left would be drift.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retention_assets.sources.profile import Profile

Read = Callable[[str], DataFrame]
Columns = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Samples:
    """One row a customer on each side; NaN is unknown."""

    reference: Columns
    current: Columns


def samples(
    read: Read,
    profile: Profile,
    tables: Sequence[str],
    features: Sequence[str],
    trained_through: date,
) -> Samples:
    """`tables`: keys of the current features; `features`: those compared; `trained_through`: the champion's last week."""
    reference = read("training/churn_examples").where(F.col("as_of") == F.lit(trained_through))
    frames = [read(table) for table in tables]
    now = reduce(lambda left, right: left.join(right, ["customer_id", "as_of"]), frames)
    asked = askable(now, read, profile)
    return Samples(columns(reference, features), columns(asked, features))


def askable(now: DataFrame, read: Read, profile: Profile) -> DataFrame:
    """Customers who can still churn, as it was known at as_of: the rule of training/labels.py, without its look ahead."""
    midnight = F.col("as_of").cast("timestamp")
    before = (F.col("event_ts") < midnight) & (F.col("ingested_ts") <= midnight)
    if profile.churn.kind == "cancellation":
        return now.join(
            _those(now, read("validated/churn_events"), before), "customer_id", "left_anti"
        )
    if profile.churn.active_within_days is not None:
        before &= F.col("event_ts") >= F.date_sub("as_of", profile.churn.active_within_days).cast(
            "timestamp"
        )
    return now.join(
        _those(now, read("validated/transactions").where("kind = 'sale'"), before),
        "customer_id",
        "left_semi",
    )


def _those(now: DataFrame, facts: DataFrame, before: Column) -> DataFrame:
    """Customers with such a fact before their as_of."""
    times = facts.select("customer_id", "event_ts", "ingested_ts")
    return (
        now.select("customer_id", "as_of")
        .join(times, "customer_id")
        .where(before)
        .select("customer_id")
        .distinct()
    )


def columns(frame: DataFrame, features: Sequence[str]) -> Columns:
    table = frame.select(*features).toArrow()
    return {name: table[name].to_numpy().astype(np.float64) for name in features}
