"""The two samples of a drift report: customers in the champion's training, and customers today.

Both hold the same kind of customer: those who can still churn. Otherwise everybody who has left
would count as drift.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retention_assets import keys
from retention_assets.features.point_in_time import known_at
from retention_assets.sources.profile import Profile
from retention_assets.validation.versions import read_facts

Read = Callable[[str], DataFrame]
Columns = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Samples:
    """Values by feature, one per customer; NaN is unknown."""

    reference: Columns
    current: Columns


def drift_samples(
    read: Read,
    profile: Profile,
    *,
    tables: Sequence[str],
    features: Sequence[str],
    trained_through: date,
) -> Samples:
    """`tables`: keys of the current features; `trained_through`: the champion's last week."""
    reference = read(keys.CHURN_EXAMPLES).where(F.col("as_of") == F.lit(trained_through))
    frames = [read(table) for table in tables]
    today = reduce(lambda left, right: left.join(right, ["customer_id", "as_of"]), frames)
    current = active_customers(today, read, profile)
    return Samples(columns(reference, features), columns(current, features))


def active_customers(frame: DataFrame, read: Read, profile: Profile) -> DataFrame:
    """Rows of customers who can still churn, as it was known at as_of.

    The same rule as in training/labels.py, which applies it to past weeks. Where labels are given,
    only the source knows who will get one: all customers count who are not known to have left.
    """
    kind = profile.churn.kind
    if kind == "label" and not profile.has("churn_events"):
        return frame
    known = known_at(F.col("as_of"))
    if kind != "inactivity":
        left = _customers_with(frame, read_facts(read, "churn_events"), known)
        return frame.join(left, "customer_id", "left_anti")
    if profile.churn.active_within_days is not None:
        first_day = F.date_sub("as_of", profile.churn.active_within_days)
        known &= F.col("event_ts") >= first_day.cast("timestamp")
    sales = read_facts(read, "transactions").where("kind = 'sale'")
    buyers = _customers_with(frame, sales, known)
    return frame.join(buyers, "customer_id", "left_semi")


def _customers_with(frame: DataFrame, events: DataFrame, condition: Column) -> DataFrame:
    """Customers of the frame with an event that meets the condition."""
    times = events.select("customer_id", "event_ts", "ingested_ts", "replaced_on")
    joined = frame.select("customer_id", "as_of").join(times, "customer_id")
    return joined.where(condition).select("customer_id").distinct()


def columns(frame: DataFrame, features: Sequence[str]) -> Columns:
    """The features' values as arrays, in one order of rows."""
    table = frame.select(*features).toArrow()
    return {name: table[name].to_numpy().astype(np.float64) for name in features}
