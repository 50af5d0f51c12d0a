"""The two samples of a drift report: customers in the champion's training, and customers today.

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
    frames = [read(table) for table in tables]
    today = reduce(lambda left, right: left.join(right, ["customer_id", "as_of"]), frames)
    states = read(keys.CUSTOMER_STATE).where(F.col("state").isin(*CAN_LEAVE))
    current = today.join(states, ["customer_id", "as_of"], "left_semi")
    return Samples(columns(reference, features), columns(current, features))


def columns(frame: DataFrame, features: Sequence[str]) -> Columns:
    """The features' values as arrays, in one order of rows."""
    table = frame.select(*features).toArrow()
    return {name: table[name].to_numpy().astype(np.float64) for name in features}
