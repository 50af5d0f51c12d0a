"""Lifetime value of subscriptions: discounted margin until they end, by plan and tenure.

Discrete-time survival with a hazard per plan and band of tenure, from a life table. It takes no
library of survival analysis: left truncation and right censoring are counts of who is at risk in a
month, which Spark can aggregate; the Beta posterior of a hazard is closed, so that plans with few
customers borrow from all plans, and survival that is integrated over it contains the uncertainty.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retention_assets.errors import CustomerValueError, NotTrainableError
from retention_assets.modeling.examples import Floats
from retention_assets.value.lifetime.horizon import TAIL, Horizon
from retention_assets.value.lifetime.subscriptions import (
    LifeTable,
    Subscriptions,
    life_table,
    whole_months,
)

# First months of tenure of the bands: hazards fall fast at first, then slowly.
BAND_STARTS = (0, 1, 2, 3, 6, 12, 24, 36, 48, 60)
# A band needs as many customer-months at risk, or it joins the one before.
LEAST_MONTHS_AT_RISK = 50
# How many customer-months all plans' hazard may count against a plan's own. More would outweigh
# the data that decide it.
STRENGTHS = (1.0, 100.0)


@dataclass(frozen=True)
class SubscriptionValue:
    """Of n subscriptions over the horizon: expected complete months, and the discounted margin with
    its 90 % interval.
    """

    months: Floats
    margin: Floats
    margin_lower: Floats
    margin_upper: Floats


@dataclass(frozen=True)
class SurvivalModel:
    """(plans + 1, bands): hazard ~ Beta(ends, stays), the last row for plans that are not in the
    data. The hazard of the last band stays as it is for longer tenures than the data contain.

    A month earns its margin at its end, if the subscription is still running then. The interval
    covers the discounted margin that the customer will really bring, with 5 % on either side. Where
    to earn nothing has a probability above 5 %, it starts at 0 and has 10 % above; where to stay
    for the whole horizon has, it ends there and has 10 % below. It covers at least 90 %, and more
    where a single month decides.
    """

    plans: NDArray[np.str_]
    band_starts: NDArray[np.int64]
    ends: Floats
    stays: Floats
    horizon: Horizon

    def survival(self, plan: NDArray[np.str_], tenure: NDArray) -> Floats:
        """(n, months): probability to stay for 1, 2, ... more months, after `tenure` months."""
        row = self._row(plan)
        start = whole_months(tenure, "tenure")
        staying = np.ones(len(row))
        in_band = np.zeros(len(row))
        result = np.empty((len(row), self.horizon.months))
        band = self._band(start)
        for month in range(self.horizon.months):
            # After j months in a band without an end, the hazard's posterior has j more stays.
            ends = self.ends[row, band]
            staying = staying * (1 - ends / (ends + self.stays[row, band] + in_band))
            result[:, month] = staying
            following = self._band(start + month + 1)
            in_band = np.where(following == band, in_band + 1, 0.0)
            band = following
        return result

    def value(
        self, plan: NDArray[np.str_], tenure: NDArray, monthly_margin: Floats
    ) -> SubscriptionValue:
        """Of running subscriptions, each with its margin per month."""
        margin = np.asarray(monthly_margin, dtype=np.float64)
        wrong = np.flatnonzero(~(np.isfinite(margin) & (margin >= 0)))
        if len(wrong):
            raise CustomerValueError(
                f"{len(wrong)} subscriptions: the monthly margin is negative or not a number "
                f"(first row {wrong[0]}).",
                "Remove or complete them.",
            )
        months = whole_months(tenure, "tenure")
        key = self._row(plan) * (months.max(initial=0) + 1) + months
        _, first, place = np.unique(key, return_index=True, return_inverse=True)
        staying = self.survival(np.asarray(plan)[first], months[first])
        discounts = self.horizon.month_end_discounts()
        lower, upper = _month_limits(staying)
        worth = np.r_[0.0, np.cumsum(discounts)]
        return SubscriptionValue(
            months=staying.sum(axis=1)[place],
            margin=margin * (staying @ discounts)[place],
            margin_lower=margin * worth[lower][place],
            margin_upper=margin * worth[upper][place],
        )

    def _row(self, plan: NDArray[np.str_]) -> NDArray[np.int64]:
        names = np.asarray(plan, dtype=np.str_)
        row = np.minimum(np.searchsorted(self.plans, names), len(self.plans) - 1)
        return np.where(self.plans[row] == names, row, len(self.plans))

    def _band(self, month: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.searchsorted(self.band_starts, month, side="right") - 1


def fit_survival(rows: Subscriptions, horizon: Horizon) -> SurvivalModel:
    """Raises NotTrainableError if no subscription has ended under observation."""
    table = life_table(rows)
    if not table.ended.sum() > 0:
        raise NotTrainableError(
            f"None of {len(rows.plan)} subscriptions has ended under observation.",
            "Give a longer history.",
        )
    starts = _bands(table)
    at_risk = np.add.reduceat(table.at_risk, starts, axis=1)
    ended = np.add.reduceat(table.ended, starts, axis=1)
    pooled = (ended.sum(axis=0) + 0.5) / (at_risk.sum(axis=0) + 1)
    strength = _strength(ended, at_risk, pooled)
    no_data = np.zeros((1, len(starts)))
    return SurvivalModel(
        plans=table.plans,
        band_starts=starts,
        ends=strength * pooled + np.vstack([ended, no_data]),
        stays=strength * (1 - pooled) + np.vstack([at_risk - ended, no_data]),
        horizon=horizon,
    )


def _bands(table: LifeTable) -> NDArray[np.int64]:
    months = table.at_risk.sum(axis=0)
    edges = [start for start in BAND_STARTS if start < len(months)]
    at_risk = np.add.reduceat(months, edges)
    enough = (at_risk >= LEAST_MONTHS_AT_RISK) | (np.array(edges) == 0)
    return np.array(edges, dtype=np.int64)[enough]


def _strength(ended: Floats, at_risk: Floats, pooled: Floats) -> float:
    """The prior's weight in customer-months: the maximum of the beta-binomial likelihood of plans'
    events given all plans' hazard. The least, if there is one plan only.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import betaln

    if len(ended) < 2:
        return STRENGTHS[0]

    def loss(log_strength: float) -> float:
        a = np.exp(log_strength) * pooled
        b = np.exp(log_strength) * (1 - pooled)
        return -float((betaln(a + ended, b + at_risk - ended) - betaln(a, b)).sum())

    limits = (float(np.log(STRENGTHS[0])), float(np.log(STRENGTHS[1])))
    result: Any = minimize_scalar(loss, bounds=limits, method="bounded")
    return float(np.exp(result.x))


def _month_limits(staying: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Complete months at the interval's ends, from (n, months) probabilities to stay so long."""
    from_zero = 1 - staying[:, 0] > TAIL
    to_end = ~from_zero & (staying[:, -1] > TAIL)
    lower_tail = np.where(to_end, 2 * TAIL, TAIL)
    upper_tail = np.where(from_zero, 2 * TAIL, TAIL)
    lower = (staying >= 1 - lower_tail[:, None]).sum(axis=1)
    upper = (staying > upper_tail[:, None]).sum(axis=1)
    return np.where(from_zero, 0, lower), upper
