"""Lifetime value of customers without a contract: discounted margin over a horizon, from BG/NBD and
Gamma-Gamma, with a 90 % interval. Arrays of any number of customers go in and come out, so that
Spark can call it for a batch of rows at a time.
"""

from dataclasses import dataclass

import numpy as np

from retention_assets.errors import CustomerValueError
from retention_assets.modeling.examples import Floats
from retention_assets.value.lifetime.bg_nbd import BgNbd, fit_bg_nbd
from retention_assets.value.lifetime.future_quantiles import FutureQuantiles, future_quantiles
from retention_assets.value.lifetime.gamma_gamma import GammaGamma, fit_gamma_gamma
from retention_assets.value.lifetime.horizon import TAIL, Horizon
from retention_assets.value.lifetime.likelihood import LikelihoodFit
from retention_assets.value.lifetime.purchases import PurchaseSummary


@dataclass(frozen=True)
class CustomerValue:
    """Of n customers over the horizon: probability of being active now, expected purchases, amount
    per purchase, and the discounted margin with its 90 % interval.
    """

    probability_alive: Floats
    purchases: Floats
    spend: Floats
    margin: Floats
    margin_lower: Floats
    margin_upper: Floats


@dataclass(frozen=True)
class LifetimeModel:
    """A fitted BG/NBD and Gamma-Gamma; a purchase earns `margin_share` of its amount.

    The interval covers the discounted margin that the customer will really bring: whether they are
    still active, how often they buy, when they leave and what they spend, and the uncertainty of
    the fitted parameters. An interval of the expected margin alone would be far narrower, and would
    not tell what one customer may bring. It has 5 % on either side; where no purchase at all has a
    probability above 5 %, it goes from 0 to the 90 % point.
    """

    purchases: BgNbd
    spend: GammaGamma
    horizon: Horizon
    margin_share: float
    quantiles: FutureQuantiles
    purchases_fit: LikelihoodFit
    spend_fit: LikelihoodFit

    def value(self, summary: PurchaseSummary) -> CustomerValue:
        """Of each customer of the summary, whether the model was fitted on them or not."""
        self.purchases.refuse_other_unit(summary)
        days = summary.unit_days
        alive = self.purchases.probability_alive(summary)
        length = self.horizon.length(days)
        x = summary.frequency
        T = summary.T
        counts = self.purchases.expected_purchases_if_alive(x, T, length)
        discounted = self.purchases.expected_purchases_if_alive(
            x, T, length, self.horizon.continuous_rate(days)
        )
        spend = self.spend.expected_spend(summary)
        if_alive = discounted * spend * self.margin_share
        lower, upper = self._interval(summary, alive)
        return CustomerValue(
            probability_alive=alive,
            purchases=alive * counts,
            spend=spend,
            margin=alive * if_alive,
            margin_lower=if_alive * lower,
            margin_upper=if_alive * upper,
        )

    def _interval(self, summary: PurchaseSummary, alive: Floats) -> tuple[Floats, Floats]:
        """As multiples of the margin that is expected of active customers."""
        x = summary.frequency
        no_purchase = self.purchases.probability_of_none_if_alive(
            x, summary.T, self.horizon.length(summary.unit_days)
        )
        from_zero = 1 - alive * (1 - no_purchase) > TAIL
        upper_tail = np.where(from_zero, 2 * TAIL, TAIL)
        # Below this a customer has left for certain, and nothing is divided by 0.
        chance = np.maximum(alive, 1e-300)
        lower = self.quantiles.ratio(x, summary.T, 1 - (1 - TAIL) / chance)
        upper = self.quantiles.ratio(x, summary.T, 1 - upper_tail / chance)
        return np.where(from_zero, 0.0, lower), upper


def fit_lifetime(
    summary: PurchaseSummary, *, horizon: Horizon, margin_share: float, seed: int = 0
) -> LifetimeModel:
    """Fits both models by maximum likelihood. The same summary and seed give the same model. A
    random sample of customers is enough, because the model values others than those it was fitted
    on too.
    """
    if not 0 < margin_share <= 1:
        raise CustomerValueError(
            f"The share of an amount that is margin is {margin_share}.",
            "Give a share above 0 and at most 1.",
        )
    purchases, purchases_fit = fit_bg_nbd(summary)
    spend, spend_fit = fit_gamma_gamma(summary)
    quantiles = future_quantiles(
        (purchases, purchases_fit),
        (spend, spend_fit),
        horizon=horizon,
        largest_frequency=float(summary.frequency.max()),
        longest_T=float(summary.T.max()),
        seed=seed,
    )
    return LifetimeModel(
        purchases=purchases,
        spend=spend,
        horizon=horizon,
        margin_share=margin_share,
        quantiles=quantiles,
        purchases_fit=purchases_fit,
        spend_fit=spend_fit,
    )
