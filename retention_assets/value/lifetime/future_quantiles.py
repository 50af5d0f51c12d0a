"""How far a customer's future margin strays from its expectation, as a table of simulated futures.

Given that a customer is active, BG/NBD's posterior depends on frequency and T alone: lambda ~
Gamma(r + x, alpha + T) and p ~ Beta(a, b + x), independently; and Gamma-Gamma's is a scale times a
function of x. So quantiles of margin / expected margin depend smoothly on x and T, and a small
table of them serves any number of customers.
"""

from dataclasses import dataclass

import numpy as np

from retention_assets.modeling.examples import Floats
from retention_assets.value.lifetime.bg_nbd import BgNbd
from retention_assets.value.lifetime.gamma_gamma import GammaGamma
from retention_assets.value.lifetime.horizon import TAIL, Horizon
from retention_assets.value.lifetime.likelihood import LikelihoodFit

# Simulated futures per node: the 5 % and 95 % points have a standard error of about 3 %.
FUTURES = 4000
# Equal parts of the horizon whose purchases are discounted from their middle.
SLICES = 12
SMALL_FREQUENCIES = 8
FREQUENCY_GROWTH = 1.5
T_NODES = 12
QUANTILE_LEVELS = np.linspace(0.0, 1 - TAIL, 96)


@dataclass(frozen=True)
class FutureQuantiles:
    """Ratios (frequency, T, level) of the margin's quantiles to its mean, for active customers."""

    alpha: float
    frequencies: Floats
    log_times: Floats
    ratios: Floats

    def ratio(self, frequency: Floats, T: Floats, level: Floats) -> Floats:
        """Interpolated; 0 for a level of 0 or less, at which the customer has left already.
        Frequencies and T beyond the table take its last row.
        """
        from scipy.interpolate import RegularGridInterpolator

        axes = (np.log1p(self.frequencies), self.log_times, QUANTILE_LEVELS)
        values = (np.log1p(frequency), np.log(self.alpha + T), level)
        points = np.column_stack(
            [np.clip(v, axis[0], axis[-1]) for v, axis in zip(values, axes, strict=True)]
        )
        return np.where(level > 0, RegularGridInterpolator(axes, self.ratios)(points), 0.0)


def future_quantiles(
    purchases: tuple[BgNbd, LikelihoodFit],
    spend: tuple[GammaGamma, LikelihoodFit],
    *,
    horizon: Horizon,
    largest_frequency: float,
    longest_T: float,
    seed: int,
) -> FutureQuantiles:
    """The table up to the frequency and T that are given. Every simulated future has parameters of
    its own, drawn from the fits' covariances, so that the quantiles contain their uncertainty.
    """
    model, fit = purchases
    frequencies = frequency_nodes(largest_frequency)
    log_times = np.linspace(np.log(model.alpha), np.log(model.alpha + longest_T), T_NODES)
    simulation = _Simulation(
        r_alpha_a_b=fit.draws(FUTURES, seed).T,
        p_q_gamma=spend[1].draws(FUTURES, seed + 1).T,
        mean_spend=spend[0].population_mean,
        length=horizon.length(model.unit_days),
        rate=horizon.continuous_rate(model.unit_days),
    )
    rng = np.random.default_rng(seed + 2)
    ratios = np.empty((len(frequencies), len(log_times), len(QUANTILE_LEVELS)))
    times = np.exp(log_times) - model.alpha
    for row, x in enumerate(frequencies):
        means = model.expected_purchases_if_alive(
            np.full(len(times), x), times, simulation.length, simulation.rate
        )
        for column, T in enumerate(times):
            amounts = simulation.amounts(x, T, rng)
            mean = means[column] * _spend_after(spend[0], x)
            ratios[row, column] = np.quantile(amounts, QUANTILE_LEVELS) / mean
    return FutureQuantiles(model.alpha, frequencies, log_times, ratios)


def frequency_nodes(largest: float) -> Floats:
    """All small frequencies, then steps that grow, up to at least `largest`."""
    nodes = [float(x) for x in range(SMALL_FREQUENCIES + 1)]
    while nodes[-1] < largest:
        nodes.append(np.ceil(nodes[-1] * FREQUENCY_GROWTH))
    return np.array(nodes)


def _spend_after(spend: GammaGamma, x: float) -> float:
    """Expected amount per purchase after x repeat purchases of the population's mean amount."""
    total = spend.gamma + x * spend.population_mean
    return spend.p * total / (spend.p * x + spend.q - 1)


@dataclass(frozen=True)
class _Simulation:
    """Futures of an active customer whose purchases so far were of the population's mean amount."""

    r_alpha_a_b: Floats
    p_q_gamma: Floats
    mean_spend: float
    length: float
    rate: float

    def amounts(self, x: float, T: float, rng: np.random.Generator) -> Floats:
        """(FUTURES,) discounted sums of the amounts of a horizon's purchases."""
        p, q, gamma = self.p_q_gamma
        middles = (np.arange(SLICES) + 0.5) * self.length / SLICES
        counts = self._counts(x, T, rng)
        spend_rate = rng.gamma(q + p * x) / (gamma + x * self.mean_spend)
        sums = rng.gamma(p[:, None] * counts) / spend_rate[:, None]
        return (sums * np.exp(-self.rate * middles)).sum(axis=1)

    def _counts(self, x: float, T: float, rng: np.random.Generator) -> Floats:
        """(FUTURES, SLICES) purchases: a Poisson process that ends after a geometric number."""
        r, alpha, a, b = self.r_alpha_a_b
        purchase_rate = rng.gamma(r + x) / (alpha + T)
        leaving = rng.beta(a, b + x)
        with np.errstate(divide="ignore"):
            most = np.floor(np.log(rng.random(FUTURES)) / np.log1p(-leaving)) + 1
        counts = rng.poisson(purchase_rate[:, None] * (self.length / SLICES), (FUTURES, SLICES))
        reached = np.minimum(np.cumsum(counts, axis=1), most[:, None])
        return np.diff(reached, axis=1, prepend=0.0)
