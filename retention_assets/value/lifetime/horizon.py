"""The months that a lifetime value covers, and what later money is worth today. Knows no model."""

from dataclasses import dataclass

import numpy as np

from retention_assets.errors import CustomerValueError
from retention_assets.modeling.examples import Floats

DAYS_PER_YEAR = 365.25
MONTHS_PER_YEAR = 12
# Share of customers on either side of the 90 % interval of their value.
TAIL = 0.05


@dataclass(frozen=True)
class Horizon:
    """`months` from now; money that comes in a year counts 1 / (1 + annual_discount) of today's."""

    annual_discount: float
    months: int = 36

    def __post_init__(self) -> None:
        if self.months < 1:
            raise CustomerValueError(
                f"A lifetime value of {self.months} months.", "Give at least one month."
            )
        if not 0 <= self.annual_discount < np.inf:
            raise CustomerValueError(
                f"The annual discount is {self.annual_discount}.",
                "Give a rate of 0 or more, such as 0.1 for 10 %.",
            )

    def length(self, unit_days: float) -> float:
        """Of the horizon, in units of `unit_days` days."""
        return self.months / MONTHS_PER_YEAR * DAYS_PER_YEAR / unit_days

    def continuous_rate(self, unit_days: float) -> float:
        """The discount rate per unit: money after time s counts exp(-rate s)."""
        return float(np.log1p(self.annual_discount)) * unit_days / DAYS_PER_YEAR

    def month_end_discounts(self) -> Floats:
        """What one unit of money at the end of months 1, 2, ... counts."""
        years = np.arange(1, self.months + 1) / MONTHS_PER_YEAR
        return (1 + self.annual_discount) ** -years
