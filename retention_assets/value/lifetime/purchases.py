"""The summary of a customer's purchases that models of their value take: frequency, recency, T and
monetary value. Reads no table and fits nothing.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from retention_assets.errors import CustomerValueError
from retention_assets.modeling.examples import Floats

# Recency and T that are computed from times of day may differ by rounding.
TOLERANCE = 1e-9


@dataclass(frozen=True)
class PurchaseSummary:
    """Of n customers, in units of `unit_days` days (7: weeks), since the first purchase.

    `frequency`: number of days with a repeat purchase; `recency`: time of the last of them, 0 where
    none; `T`: time of the end of observation; `monetary`: mean amount of the repeat days, 0 where
    none. Raises CustomerValueError where these contradict each other. `monetary` may be None:
    BG/NBD does without it.
    """

    frequency: Floats
    recency: Floats
    T: Floats
    monetary: Floats | None = None
    unit_days: float = 7.0

    def __post_init__(self) -> None:
        for name in ("frequency", "recency", "T", "monetary"):
            values = getattr(self, name)
            if values is not None:
                object.__setattr__(self, name, np.asarray(values, dtype=np.float64))
        self._check()

    def __len__(self) -> int:
        return len(self.frequency)

    def _check(self) -> None:
        if not (np.isfinite(self.unit_days) and self.unit_days > 0):
            raise CustomerValueError(
                f"The unit of time is {self.unit_days} days.", "Give a positive number of days."
            )
        columns = {"frequency": self.frequency, "recency": self.recency, "T": self.T}
        if self.monetary is not None:
            columns["monetary"] = self.monetary
        for name, values in columns.items():
            if values.shape != (len(self.frequency),):
                raise CustomerValueError(
                    f"{name} has the shape {values.shape} for {len(self.frequency)} customers.",
                    "Give a value for each customer.",
                )
            _refuse(~np.isfinite(values), f"{name} is not a number", "Remove or complete them.")
        self._check_times()
        if self.monetary is not None:
            repeat = self.frequency > 0
            _refuse(
                repeat & (self.monetary <= 0),
                "monetary value is not positive although the customer bought again",
                "Leave out free orders, and set returns off against their orders.",
            )

    def _check_times(self) -> None:
        repeat = self.frequency > 0
        _refuse(
            (self.frequency < 0) | (self.frequency != np.floor(self.frequency)),
            "frequency is negative or no whole number",
            "Count the days with a purchase after the first.",
        )
        _refuse(self.recency < 0, "recency is negative", "Count from the first purchase.")
        _refuse(
            self.recency > self.T + TOLERANCE,
            "recency is later than T",
            "Leave out purchases after the end of observation.",
        )
        _refuse(
            repeat != (self.recency > 0),
            "frequency and recency contradict each other: just one of them is 0",
            "Give recency 0 to customers without a repeat purchase, and only to them.",
        )


def _refuse(wrong: NDArray[np.bool_], problem: str, fix: str) -> None:
    rows = np.flatnonzero(wrong)
    if len(rows):
        raise CustomerValueError(f"{len(rows)} customers: {problem} (first row {rows[0]}).", fix)


def summarize_purchases(
    customers: NDArray,
    days: NDArray[np.datetime64],
    amounts: Floats,
    *,
    end: date,
    unit_days: float = 7.0,
) -> tuple[NDArray, PurchaseSummary]:
    """The customers, sorted, and their summary as of the end of day `end`. A row is a purchase, or
    a part of one; rows of a customer and day are one purchase. Rows after `end` are left out. The
    mean amount leaves out the first day, which also started the customer's history.

    >>> days = np.array(["2024-01-01", "2024-01-08", "2024-01-08"], dtype="datetime64[D]")
    >>> who = np.array(["a", "a", "a"])
    >>> customers, summary = summarize_purchases(
    ...     who, days, np.array([9.0, 20.0, 30.0]), end=date(2024, 1, 29)
    ... )
    >>> [float(v[0]) for v in (summary.frequency, summary.recency, summary.T, summary.monetary)]
    [1.0, 1.0, 4.0, 50.0]
    """
    amounts = np.asarray(amounts, dtype=np.float64)
    day = np.asarray(days).astype("datetime64[D]")
    if not len(customers) == len(day) == len(amounts):
        raise CustomerValueError(
            f"{len(customers)} customers, {len(day)} days and {len(amounts)} amounts.",
            "Give all three for each purchase.",
        )
    _refuse(np.isnat(day), "a purchase has no day", "Remove or complete them.")
    _refuse(~np.isfinite(amounts), "an amount is not a number", "Remove or complete them.")
    last_day = np.datetime64(end, "D")
    early = day <= last_day
    names, customer = np.unique(customers[early], return_inverse=True)
    number = day[early].astype(np.int64)
    order = np.lexsort((number, customer))
    customer = customer[order]
    number = number[order]
    starts = np.flatnonzero(np.r_[True, np.diff(customer) != 0] | np.r_[True, np.diff(number) != 0])
    starts = starts[: len(customer)]
    sums = np.add.reduceat(amounts[early][order], starts) if len(starts) else np.empty(0)
    summary = _of_days(customer[starts], number[starts], sums, int(last_day.astype(int)), unit_days)
    return names, summary


def _of_days(
    customer: NDArray[np.int64],
    number: NDArray[np.int64],
    sums: Floats,
    last_day: int,
    unit_days: float,
) -> PurchaseSummary:
    """From a row per customer and day, sorted."""
    is_first = np.r_[True, np.diff(customer) != 0][: len(customer)]
    first = np.flatnonzero(is_first)
    frequency = np.diff(np.r_[first, len(customer)]) - 1
    repeat_sum = np.bincount(customer, np.where(is_first, 0.0, sums), len(first))
    return PurchaseSummary(
        frequency=frequency,
        recency=(number[first + frequency] - number[first]) / unit_days,
        T=(last_day - number[first]) / unit_days,
        monetary=repeat_sum / np.maximum(frequency, 1),
        unit_days=unit_days,
    )
