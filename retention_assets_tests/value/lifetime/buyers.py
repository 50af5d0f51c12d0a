"""Simulated customers who follow BG/NBD and Gamma-Gamma, before and after the end of T."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from retention_assets.modeling.examples import Floats
from retention_assets.value.lifetime.bg_nbd import BgNbd
from retention_assets.value.lifetime.gamma_gamma import GammaGamma
from retention_assets.value.lifetime.purchases import PurchaseSummary

PURCHASES = BgNbd(r=0.8, alpha=60.0, a=0.8, b=4.0, unit_days=1.0)
SPEND = GammaGamma(p=6.0, q=4.0, gamma=30.0)


def summary_of(
    frequency: ArrayLike,
    recency: ArrayLike,
    T: ArrayLike,
    monetary: ArrayLike | None = None,
    unit_days: float = 7.0,
) -> PurchaseSummary:
    """From lists."""
    return PurchaseSummary(
        np.asarray(frequency, dtype=np.float64),
        np.asarray(recency, dtype=np.float64),
        np.asarray(T, dtype=np.float64),
        None if monetary is None else np.asarray(monetary, dtype=np.float64),
        unit_days,
    )


@dataclass(frozen=True)
class Buyers:
    """What is known at T, and what only the future knows: purchases and discounted amounts in
    (T, T + length].
    """

    summary: PurchaseSummary
    future_purchases: Floats
    future_amount: Floats


def simulate_buyers(count: int, seed: int, *, length: float, rate: float = 0.0) -> Buyers:
    """T is between 30 and 730 days; a purchase after time s counts exp(-rate * s)."""
    rng = np.random.default_rng(seed)
    purchase_rate = rng.gamma(PURCHASES.r, 1 / PURCHASES.alpha, count)
    leaving = rng.beta(PURCHASES.a, PURCHASES.b, count)
    spend_rate = rng.gamma(SPEND.q, 1 / SPEND.gamma, count)
    T = rng.uniform(30.0, 730.0, count)
    now = np.zeros(count)
    frequency = np.zeros(count)
    recency = np.zeros(count)
    total = np.zeros(count)
    future_purchases = np.zeros(count)
    future_amount = np.zeros(count)
    active = np.arange(count)
    while len(active):
        now[active] += rng.exponential(1 / purchase_rate[active])
        active = active[now[active] <= T[active] + length]
        amount = rng.gamma(SPEND.p, 1 / spend_rate[active])
        late = now[active] > T[active]
        past = active[~late]
        frequency[past] += 1
        recency[past] = now[past]
        total[past] += amount[~late]
        coming = active[late]
        future_purchases[coming] += 1
        future_amount[coming] += amount[late] * np.exp(-rate * (now[coming] - T[coming]))
        active = active[rng.random(len(active)) > leaving[active]]
    summary = PurchaseSummary(frequency, recency, T, total / np.maximum(frequency, 1), 1.0)
    return Buyers(summary, future_purchases, future_amount)
