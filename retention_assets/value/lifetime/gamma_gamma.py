"""Gamma-Gamma: what a customer spends per purchase. Knows nothing of when.

Fader & Hardie (2013), The Gamma-Gamma Model of Monetary Value; the likelihood is its equation (1a),
the conditional mean its equation (5).
"""

from dataclasses import dataclass

import numpy as np

from retention_assets.errors import CustomerValueError, NotTrainableError
from retention_assets.modeling.examples import Floats
from retention_assets.value.lifetime.likelihood import LikelihoodFit, maximize
from retention_assets.value.lifetime.purchases import PurchaseSummary

# Below this the three parameters follow single customers.
LEAST_REPEAT_CUSTOMERS = 20


@dataclass(frozen=True)
class GammaGamma:
    """A purchase's amount ~ Gamma(p, rate nu), nu ~ Gamma(q, rate gamma) over customers. It assumes
    that how much customers spend has nothing to do with how often: see `frequency_correlation`.

    >>> cdnow = GammaGamma(p=6.25, q=3.74, gamma=15.44)
    >>> cdnow.expected_spend(PurchaseSummary([0, 2], [0, 30], [38, 38], [0, 22.35])).round(2)
    array([35.22, 24.66])
    """

    p: float
    q: float
    gamma: float

    @property
    def population_mean(self) -> float:
        """Mean amount per purchase, over customers."""
        return self.p * self.gamma / (self.q - 1)

    def expected_spend(self, summary: PurchaseSummary) -> Floats:
        """The customer's mean amount per future purchase; the population's where there is no
        repeat purchase.
        """
        total = summary.frequency * amounts_of(summary)
        return self.p * (self.gamma + total) / (self.p * summary.frequency + self.q - 1)


def fit_gamma_gamma(summary: PurchaseSummary) -> tuple[GammaGamma, LikelihoodFit]:
    """By maximum likelihood, from the customers with a repeat purchase. Parameters of the fit are
    in the order p, q, gamma. Raises NotTrainableError where they are too few, all spend the same,
    or the mean is infinite.
    """
    repeat = summary.frequency > 0
    x = summary.frequency[repeat]
    mean = amounts_of(summary)[repeat]
    if len(x) < LEAST_REPEAT_CUSTOMERS or np.ptp(mean) == 0:
        raise NotTrainableError(
            f"Gamma-Gamma: {len(x)} customers with a repeat purchase, and "
            f"{len(np.unique(mean))} different means of what they spend.",
            f"Give at least {LEAST_REPEAT_CUSTOMERS} customers whose purchases differ.",
        )
    scale = float(np.median(mean))
    starts = [(2.0, 3.0, scale), (6.0, 4.0, scale / 2), (1.0, 10.0, 9 * scale)]
    fit = maximize(_Likelihood(x, mean), starts, "Gamma-Gamma")
    p, q, gamma = (float(value) for value in fit.parameters)
    if q <= 1:
        raise NotTrainableError(
            f"Gamma-Gamma: with q = {q:.3f} the mean amount per purchase is infinite.",
            "Look for amounts that are wrong by orders of magnitude, or limit them.",
        )
    return GammaGamma(p, q, gamma), fit


def frequency_correlation(summary: PurchaseSummary) -> float:
    """Pearson's, of frequency and monetary value over customers with a repeat purchase. The model
    assumes 0; where it is large, values of frequent buyers are biased. NaN if either is constant.
    """
    repeat = summary.frequency > 0
    x = summary.frequency[repeat]
    mean = amounts_of(summary)[repeat]
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(mean) == 0:
        return float("nan")
    return float(np.corrcoef(x, mean)[0, 1])


def amounts_of(summary: PurchaseSummary) -> Floats:
    """The monetary values. Raises CustomerValueError for a summary without them."""
    if summary.monetary is None:
        raise CustomerValueError(
            "The summary of purchases has no monetary values.",
            "Summarize amounts as well, or use BG/NBD alone.",
        )
    return summary.monetary


@dataclass(frozen=True)
class _Likelihood:
    """Equation (1a) as a sum over customers."""

    x: Floats
    mean: Floats

    def __call__(self, parameters: Floats) -> tuple[float, Floats]:
        from scipy.special import digamma, gammaln

        p, q, gamma = parameters
        px = p * self.x
        total = self.x * self.mean
        log_all = np.log(gamma + total)
        terms = (
            gammaln(px + q)
            - gammaln(px)
            - gammaln(q)
            + q * np.log(gamma)
            - np.log(self.mean)
            + px * np.log(total)
            - (px + q) * log_all
        )
        by_sum = digamma(px + q) - log_all
        gradients = (
            self.x * (by_sum - digamma(px) + np.log(total)),
            by_sum - digamma(q) + np.log(gamma),
            q / gamma - (px + q) / (gamma + total),
        )
        return float(terms.sum()), np.array([part.sum() for part in gradients])
