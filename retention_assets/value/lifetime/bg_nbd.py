"""BG/NBD: how often customers without a contract will buy, and whether they still do. Knows no
money. Fader, Hardie & Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science 24(2).

A customer buys at a rate lambda ~ Gamma(r, alpha) while active, and after each purchase leaves for
good with probability p ~ Beta(a, b). The likelihood is equation (6) of the paper. Expected
purchases are integrated over p and time, because the paper's closed form, equation (10), does not
discount, divides by a - 1, and loses all digits near a = 1.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retention_assets.errors import CustomerValueError, NotTrainableError
from retention_assets.modeling.examples import Bools, Floats
from retention_assets.value.lifetime.likelihood import LikelihoodFit, maximize
from retention_assets.value.lifetime.purchases import PurchaseSummary
from retention_assets.value.lifetime.quadrature import beta_quadrature

TIME_NODES = 12
# Rows at a time, so that rows x nodes stay in the processor's cache.
BLOCK = 4096


@dataclass(frozen=True)
class BgNbd:
    """The four parameters, in units of `unit_days` days. Use it for purchases without a contract,
    where nobody says that they leave; it assumes that purchase rates do not trend.

    >>> cdnow = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426)
    >>> buyer = PurchaseSummary([2], [30.43], [38.86])
    >>> cdnow.expected_purchases(buyer, 39.0).round(3)
    array([1.226])
    """

    r: float
    alpha: float
    a: float
    b: float
    unit_days: float = 7.0

    def probability_alive(self, summary: PurchaseSummary) -> Floats:
        """That the customer is still active at T. 1 without a repeat purchase: in this model
        customers leave right after a repeat purchase only.
        """
        from scipy.special import expit

        x = summary.frequency
        odds = _log_odds_of_leaving(self, x, summary.recency, summary.T)
        return np.where(x > 0, expit(-odds), 1.0)

    def expected_purchases(self, summary: PurchaseSummary, t: float) -> Floats:
        """Of each customer in (T, T + t]."""
        self.refuse_other_unit(summary)
        alive = self.expected_purchases_if_alive(summary.frequency, summary.T, t)
        return self.probability_alive(summary) * alive

    def expected_purchases_if_alive(
        self, frequency: Floats, T: Floats, t: float, discount_rate: float = 0.0
    ) -> Floats:
        """In (T, T + t], for customers who are active at T. A purchase after time s counts
        exp(-discount_rate * s). Customers of the same frequency and T have the same future.
        """
        pairs, place = _unique_rows(np.column_stack([frequency, T]))
        x = pairs[:, 0]
        shapes, shape = np.unique(x, return_inverse=True)
        nodes, weights = beta_quadrature(self.a, self.b + shapes)
        result = np.empty(len(pairs))
        for start in range(0, len(pairs), BLOCK):
            rows = slice(start, start + BLOCK)
            k = self.r + x[rows, None]
            scale = self.alpha + pairs[rows, 1, None]
            counts = self._counts(nodes[shape[rows]], k, scale, t, discount_rate)
            result[rows] = (weights[shape[rows]] * counts).sum(axis=1)
        return result[place]

    def probability_of_none_if_alive(self, frequency: Floats, T: Floats, t: float) -> Floats:
        """No purchase in (T, T + t], for customers who are active at T."""
        return np.exp(-(self.r + frequency) * np.log1p(t / (self.alpha + T)))

    def expected_cumulative_purchases(self, t: Floats) -> Floats:
        """Repeat purchases of a new customer within each time `t` of the first purchase."""
        nobody = np.zeros(1)
        times, place = np.unique(np.asarray(t, dtype=np.float64), return_inverse=True)
        counts = [self.expected_purchases_if_alive(nobody, nobody, float(time)) for time in times]
        return np.concatenate([np.empty(0), *counts])[place]

    def _counts(self, p: Floats, k: Floats, scale: Floats, t: float, rate: float) -> Floats:
        """(rows, nodes), whose mean over p is the integral over s in (0, t) of exp(-rate s) times
        the expected purchases at s, k / scale E[(1 + p s / scale)^-(k + 1)].

        By Gauss-Legendre in log(1 + s / scale), where they fall smoothly. With w = p (1 + g) /
        (1 + p g), g = s / scale, that mean equals (1 + g)^-a E[(1 - w g / (1 + g))^(r + 1 - a - b)]
        (Euler's transformation of 2F1), whose power does not grow with the frequency.
        """
        steps, step_weights = np.polynomial.legendre.leggauss(TIME_NODES)
        end = np.log1p(t / scale)
        power = self.r + 1 - self.a - self.b
        transform = power > -(k + 1)
        powers = np.where(transform, power, -(k + 1))
        total = np.zeros_like(p)
        for step, weight in zip(steps, step_weights, strict=True):
            log_grown = end * (step + 1) / 2
            grown = np.expm1(log_grown)
            of_p = np.where(transform, np.expm1(-log_grown), grown)
            lead = np.where(transform, 1 - self.a, 1.0) * log_grown - rate * scale * grown
            total += weight * np.exp(lead + powers * np.log1p(p * of_p))
        return total * k * end / 2

    def refuse_other_unit(self, summary: PurchaseSummary) -> None:
        """Raises CustomerValueError for a summary in another unit of time than the fit's."""
        if summary.unit_days != self.unit_days:
            raise CustomerValueError(
                f"The model counts time in {self.unit_days:g} days, the customers in "
                f"{summary.unit_days:g}.",
                "Summarize the customers in the model's unit.",
            )


def fit_bg_nbd(summary: PurchaseSummary) -> tuple[BgNbd, LikelihoodFit]:
    """By maximum likelihood. Parameters of the fit are in the order r, alpha, a, b. Customers with
    the same history are one row with a weight. Raises NotTrainableError if nobody bought again.
    """
    if not (summary.frequency > 0).any():
        raise NotTrainableError(
            f"BG/NBD: none of {len(summary)} customers has bought again.",
            "Give a longer history.",
        )
    likelihood = _Likelihood.of(summary)
    time_scale = float(summary.T.mean())
    rate = float(summary.frequency.mean())
    starts = [(0.5, 0.5 * time_scale / rate, 0.5, 2.0), (1.0, time_scale / rate, 1.0, 10.0)]
    fit = maximize(likelihood, starts, "BG/NBD")
    r, alpha, a, b = (float(value) for value in fit.parameters)
    return BgNbd(r, alpha, a, b, summary.unit_days), fit


@dataclass(frozen=True)
class _Likelihood:
    """Equation (6) as a sum over different histories. `count`: customers with that history. What
    depends on the frequency alone is a sum over different frequencies.
    """

    x: Floats
    recency: Floats
    T: Floats
    count: Floats
    frequencies: Floats
    frequency_count: Floats

    @classmethod
    def of(cls, summary: PurchaseSummary) -> "_Likelihood":
        rows, place = _unique_rows(np.column_stack([summary.frequency, summary.recency, summary.T]))
        frequencies, index = np.unique(rows[:, 0], return_inverse=True)
        count = np.bincount(place).astype(np.float64)
        return cls(
            x=np.ascontiguousarray(rows[:, 0]),
            recency=np.ascontiguousarray(rows[:, 1]),
            T=np.ascontiguousarray(rows[:, 2]),
            count=count,
            frequencies=frequencies,
            frequency_count=np.bincount(index, count).astype(np.float64),
        )

    def __call__(self, parameters: Floats) -> tuple[float, Floats]:
        from scipy.special import expit

        model = BgNbd(*(float(value) for value in parameters))
        k = model.r + self.x
        log_end = np.log(model.alpha + self.T)
        log_recency = np.log(model.alpha + self.recency)
        odds = _log_odds_of_leaving(model, self.x, self.recency, self.T)
        repeat = self.x > 0
        terms = -k * log_end + np.where(repeat, np.logaddexp(0.0, odds), 0.0)
        left = np.where(repeat, expit(odds), 0.0)
        value, gradient = self._frequency_part(model)
        by_end = k / (model.alpha + self.T)
        by_recency = k / (model.alpha + self.recency)
        row_gradients = (
            -log_end + left * (log_end - log_recency),
            -by_end + left * (by_end - by_recency),
            left / model.a,
            -left / np.where(repeat, model.b + self.x - 1, 1.0),
        )
        # Not count @ part: BLAS starts threads for it, which wait for each other on busy cores.
        return value + float((self.count * terms).sum()), gradient + np.array(
            [(self.count * part).sum() for part in row_gradients]
        )

    def _frequency_part(self, model: BgNbd) -> tuple[float, Floats]:
        """The logarithms of A1 and A2 of the paper's note on computing, and their gradient."""
        from scipy.special import betaln, digamma, gammaln

        x = self.frequencies
        terms = (
            gammaln(model.r + x)
            - gammaln(model.r)
            + model.r * np.log(model.alpha)
            + betaln(model.a, model.b + x)
            - betaln(model.a, model.b)
        )
        of_sum = digamma(model.a + model.b) - digamma(model.a + model.b + x)
        gradients = (
            digamma(model.r + x) - digamma(model.r) + np.log(model.alpha),
            np.full(len(x), model.r / model.alpha),
            of_sum,
            of_sum + digamma(model.b + x) - digamma(model.b),
        )
        n = self.frequency_count
        return float((n * terms).sum()), np.array([(n * part).sum() for part in gradients])


def _log_odds_of_leaving(model: BgNbd, x: Floats, recency: Floats, T: Floats) -> Floats:
    """Of having left after the last purchase, against being active at T; for x > 0."""
    b_after = np.where(x > 0, model.b + x - 1, 1.0)
    silence = np.log((model.alpha + T) / (model.alpha + recency))
    return np.log(model.a) - np.log(b_after) + (model.r + x) * silence


def _unique_rows(table: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """The different rows, and the place of every row among them. Faster than np.unique(axis=0)."""
    order = np.lexsort(table.T[::-1])
    ordered = table[order]
    new: Bools = np.r_[True, (np.diff(ordered, axis=0) != 0).any(axis=1)][: len(table)]
    place = np.empty(len(table), dtype=np.int64)
    place[order] = np.cumsum(new) - 1
    return ordered[new], place
