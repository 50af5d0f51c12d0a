"""BG/NBD: published figures of CDNOW, the paper's closed forms, and simulated customers."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention_assets.errors import CustomerValueError, NotTrainableError
from retention_assets.modeling.examples import Floats
from retention_assets.value.lifetime.bg_nbd import BgNbd, _Likelihood, fit_bg_nbd
from retention_assets.value.lifetime.purchases import PurchaseSummary
from retention_assets_tests.value.lifetime.buyers import PURCHASES, simulate_buyers, summary_of
from retention_assets_tests.value.lifetime.cdnow import cdnow_sample

CDNOW = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426)


def closed_form(model: BgNbd, summary: PurchaseSummary, t: float) -> Floats:
    """Equation (10) of Fader, Hardie & Lee (2005)."""
    from scipy.special import hyp2f1

    x = summary.frequency
    k = model.r + x
    scale = model.alpha + summary.T
    tail = hyp2f1(k, model.b + x, model.a + model.b + x - 1, t / (scale + t))
    purchases = (
        (model.a + model.b + x - 1) / (model.a - 1) * (1 - (scale / (scale + t)) ** k * tail)
    )
    after = np.where(x > 0, model.a / np.where(x > 0, model.b + x - 1, 1.0), 0.0)
    return purchases / (1 + after * (scale / (model.alpha + summary.recency)) ** k)


def test_fit_gives_published_cdnow_parameters(data_dir: Path) -> None:
    model, fit = fit_bg_nbd(cdnow_sample(data_dir))
    assert (model.r, model.alpha, model.a, model.b) == pytest.approx(
        (0.243, 4.414, 0.793, 2.426), abs=5e-4
    )
    assert fit.log_likelihood == pytest.approx(-9582.4, abs=0.05)
    assert not fit.undetermined().any()


def test_published_customer_buys_as_expected() -> None:
    """The paper's example: 2 repeat purchases until week 30.43 of 38.86 give 1.226 in 39 weeks."""
    buyer = summary_of([2], [30.43], [38.86])
    assert CDNOW.expected_purchases(buyer, 39.0) == pytest.approx([1.226], abs=5e-4)


def test_expectations_match_closed_form(data_dir: Path) -> None:
    summary = cdnow_sample(data_dir)
    for t in (1.0, 39.0, 156.0):
        np.testing.assert_allclose(
            CDNOW.expected_purchases(summary, t), closed_form(CDNOW, summary, t), rtol=1e-6
        )
    new = summary_of([0], [0], [0])
    assert CDNOW.expected_cumulative_purchases(np.array([39.0])) == pytest.approx(
        closed_form(CDNOW, new, 39.0)
    )


def test_likelihood_matches_a_customer_by_hand() -> None:
    """Without a repeat purchase it is (alpha / (alpha + T))^r; a pair of twins counts twice."""
    summary = summary_of([0, 0, 1, 1], [0, 0, 3, 3], [10, 20, 10, 10])
    r = 0.5
    alpha = 4.0
    a = 0.7
    b = 2.0
    none = r * np.log(alpha / (alpha + 10)) + r * np.log(alpha / (alpha + 20))
    active = b / (a + b) * r * alpha**r / (alpha + 10) ** (r + 1)
    left = a / (a + b) * r * alpha**r / (alpha + 3) ** (r + 1)
    value, gradient = _Likelihood.of(summary)(np.array([r, alpha, a, b]))
    assert value == pytest.approx(none + 2 * np.log(active + left))
    steps = 1e-6 * np.eye(4)
    numeric = [
        (
            _Likelihood.of(summary)(np.array([r, alpha, a, b]) + step)[0]
            - _Likelihood.of(summary)(np.array([r, alpha, a, b]) - step)[0]
        )
        / 2e-6
        for step in steps
    ]
    assert gradient == pytest.approx(numeric, rel=1e-5)


def test_fit_recovers_simulated_parameters() -> None:
    summary = simulate_buyers(20_000, seed=3, length=0.0).summary
    model, fit = fit_bg_nbd(summary)
    true = np.array([PURCHASES.r, PURCHASES.alpha, PURCHASES.a, PURCHASES.b])
    assert (np.abs(fit.parameters - true) < 3.5 * fit.standard_errors()).all()
    assert model.unit_days == 1.0


def test_holdout_purchases_match_expectation() -> None:
    buyers = simulate_buyers(20_000, seed=4, length=365.0)
    expected = PURCHASES.expected_purchases(buyers.summary, 365.0)
    assert expected.sum() == pytest.approx(buyers.future_purchases.sum(), rel=0.03)
    best = np.argsort(-expected)[:2000]
    assert expected[best].sum() == pytest.approx(buyers.future_purchases[best].sum(), rel=0.05)


def test_parameters_do_not_depend_on_unit_of_time() -> None:
    weeks = simulate_buyers(1000, seed=5, length=0.0).summary
    days = summary_of(weeks.frequency, 7 * weeks.recency, 7 * weeks.T, unit_days=7.0)
    first = fit_bg_nbd(weeks)[0]
    second = fit_bg_nbd(days)[0]
    assert (second.r, second.alpha / 7) == pytest.approx((first.r, first.alpha), rel=1e-3)


def test_customers_who_never_leave_have_no_dropout() -> None:
    """Then the likelihood does not determine a and b, and the fit says so."""
    rng = np.random.default_rng(6)
    T = np.full(500, 100.0)
    frequency = rng.poisson(rng.gamma(5.0, 1.0, 500)).astype(float)
    recency = np.where(frequency > 0, 100 * rng.beta(np.maximum(frequency, 1), 1.0), 0.0)
    summary = summary_of(frequency, recency, T)
    model, fit = fit_bg_nbd(summary)
    assert fit.undetermined()[2:].any()
    assert model.expected_purchases(summary, 100.0).mean() == pytest.approx(5.0, rel=0.1)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 3000),
    st.floats(0.01, 1.0),
    st.floats(0.1, 5000.0),
    st.tuples(st.floats(0.05, 5), st.floats(0.5, 200), st.floats(0.05, 50), st.floats(0.05, 500)),
)
def test_extremes_stay_in_their_ranges(
    x: int, share: float, T: float, parameters: tuple[float, float, float, float]
) -> None:
    model = BgNbd(*parameters)
    two = summary_of([x, x], [share * T / 2, share * T], [T, T])
    alive = model.probability_alive(two)
    assert ((alive >= 0) & (alive <= 1)).all() and alive[0] <= alive[1]
    plain = model.expected_purchases(two, 1000.0)
    discounted = model.expected_purchases_if_alive(two.frequency, two.T, 1000.0, 0.001)
    most = 1000.0 * (model.r + x) / (model.alpha + T)
    assert (plain >= 0).all() and (plain <= most * 1.001).all()
    assert (discounted <= model.expected_purchases_if_alive(two.frequency, two.T, 1000.0)).all()


def test_customers_without_repeat_are_refused() -> None:
    with pytest.raises(NotTrainableError, match="none of 2 customers has bought again"):
        fit_bg_nbd(summary_of([0, 0], [0, 0], [3, 4]))


def test_other_unit_of_time_is_refused() -> None:
    days = summary_of([2], [30], [38], unit_days=1.0)
    with pytest.raises(CustomerValueError, match="counts time in 7 days, the customers in 1"):
        CDNOW.expected_purchases(days, 39.0)
