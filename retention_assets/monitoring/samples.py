"""Customers in the champion's training, and customers today: the samples of the drift report, and
what the catalog reads.

Both hold the same kind of customer: those who can still leave. Otherwise everybody who has left
would count as drift.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retention_assets import keys
from serve.states import CAN_LEAVE

SAMPLED = 2_000  # customers whose scores the importance of features is computed from

Read = Callable[[str], DataFrame]
Columns = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Samples:
    """Values by feature, one per customer; NaN is unknown."""

    reference: Columns
    current: Columns


def drift_samples(
    read: Read,
    *,
    tables: Sequence[str],
    features: Sequence[str],
    trained_through: date,
) -> Samples:
    """`tables`: keys of the current features; `trained_through`: the champion's last week."""
    reference = read(keys.CHURN_EXAMPLES).where(F.col("as_of") == F.lit(trained_through))
    current = current_customers(read, tables)
    return Samples(columns(reference, features), columns(current, features))


def current_customers(read: Read, tables: Sequence[str]) -> DataFrame:
    """The current features of the customers who can still leave."""
    frames = [read(table) for table in tables]
    today = reduce(lambda left, right: left.join(right, ["customer_id", "as_of"]), frames)
    states = read(keys.CUSTOMER_STATE).where(F.col("state").isin(*CAN_LEAVE))
    return today.join(states, ["customer_id", "as_of"], "left_semi")


def unknown_shares(frame: DataFrame, features: Sequence[str]) -> dict[str, float]:
    """Share of rows in which each feature is unknown; empty without rows."""
    shares = [F.avg(F.col(name).isNull().cast("double")).alias(name) for name in features]
    (row,) = frame.agg(*shares).collect()
    return {name: share for name, share in row.asDict().items() if share is not None}


def sampled_customers(frame: DataFrame) -> DataFrame:
    """At most SAMPLED customers, always the same ones of the same table."""
    return frame.orderBy(F.xxhash64("customer_id"), "customer_id").limit(SAMPLED)


def columns(frame: DataFrame, features: Sequence[str]) -> Columns:
    """The features' values as arrays, in one order of rows."""
    table = frame.select(*features).toArrow()
    return {name: table[name].to_numpy().astype(np.float64) for name in features}
