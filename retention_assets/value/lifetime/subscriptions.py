"""Subscriptions in whole months, and their life table: how many were at risk of ending in a month
of tenure, and how many ended. Estimates nothing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retention_assets.errors import CustomerValueError
from retention_assets.modeling.examples import Bools, Floats


@dataclass(frozen=True)
class Subscriptions:
    """Of n subscriptions, or of n groups of equal ones: plan; complete months of tenure when the
    data start (`entry`, 0 for those that began later); complete months when it ended, or was last
    observed (`tenure`); whether it ended; how many there are of it (`count`; None: one).

    Months before `entry` say nothing: who left then is not in the data (left truncation). Raises
    CustomerValueError where the columns contradict each other.
    """

    plan: NDArray[np.str_]
    entry: NDArray[np.int64]
    tenure: NDArray[np.int64]
    ended: Bools
    count: Floats | None = None

    def __post_init__(self) -> None:
        count = np.ones(len(self.plan)) if self.count is None else np.asarray(self.count, float)
        object.__setattr__(self, "count", count)
        object.__setattr__(self, "entry", whole_months(self.entry, "entry"))
        object.__setattr__(self, "tenure", whole_months(self.tenure, "tenure"))
        lengths = {len(self.plan), len(self.entry), len(self.tenure), len(self.ended), len(count)}
        if len(lengths) > 1:
            raise CustomerValueError(
                f"Columns of subscriptions have {sorted(lengths)} rows.", "Give all for each row."
            )
        early = np.flatnonzero(self.tenure < self.entry)
        if len(early):
            raise CustomerValueError(
                f"{len(early)} subscriptions ended before the data start (first row {early[0]}).",
                "Leave them out, or give the tenure at the start of the data.",
            )
        if not (np.isfinite(count).all() and (count >= 0).all()):
            raise CustomerValueError(
                "A count of subscriptions is negative or not a number.", "Count the rows again."
            )


def whole_months(values: NDArray, name: str) -> NDArray[np.int64]:
    """The values as integers. Raises CustomerValueError if any is negative or not whole."""
    months = np.asarray(values, dtype=np.float64)
    wrong = np.flatnonzero(~np.isfinite(months) | (months < 0) | (months != np.floor(months)))
    if len(wrong):
        raise CustomerValueError(
            f"{len(wrong)} subscriptions: {name} is no whole number of months of 0 or more (first "
            f"row {wrong[0]}: {months[wrong[0]]}).",
            "Count complete months, and remove or complete the others.",
        )
    return months.astype(np.int64)


@dataclass(frozen=True)
class LifeTable:
    """(plans, months): subscriptions that began month m of tenure (0: the first) under
    observation, and those that ended in it.
    """

    plans: NDArray[np.str_]
    at_risk: Floats
    ended: Floats


def life_table(rows: Subscriptions) -> LifeTable:
    """One that is last observed with `tenure` complete months was at risk in months entry to
    tenure - 1; one that ended, in month `tenure` too.

    >>> table = life_table(
    ...     Subscriptions(np.array(["a", "a"]), [0, 1], [1, 2], np.array([True, False]))
    ... )
    >>> table.at_risk.tolist(), table.ended.tolist()
    ([[1.0, 2.0]], [[0.0, 1.0]])
    """
    plans, plan = np.unique(np.asarray(rows.plan, dtype=np.str_), return_inverse=True)
    ended = np.asarray(rows.ended, dtype=np.bool_)
    until = rows.tenure + ended  # the first month of tenure that was not observed
    months = int(until.max(initial=0))
    shape = (len(plans), months + 1)
    change = np.zeros(shape)
    count = np.asarray(rows.count, dtype=np.float64)
    np.add.at(change, (plan, rows.entry), count)
    np.add.at(change, (plan, until), -count)
    events = np.zeros(shape)
    np.add.at(events, (plan[ended], rows.tenure[ended]), count[ended])
    return LifeTable(plans, np.cumsum(change, axis=1)[:, :months], events[:, :months])
