"""Maximum likelihood of distributions whose answer is known."""

import numpy as np
import pytest

from retention_assets.errors import NotTrainableError
from retention_assets.modeling.examples import Floats
from retention_assets.value.lifetime.likelihood import maximize


def exponential(parameters: Floats) -> tuple[float, Floats]:
    """50 waiting times of 100 in all."""
    (rate,) = parameters
    return 50 * np.log(rate) - 100 * rate, np.array([50 / rate - 100])


def test_estimate_and_error_match_theory() -> None:
    """Of the exponential distribution: the rate is n / sum, its standard error rate / sqrt(n)."""
    fit = maximize(exponential, [[3.0], [0.01]], "exponential")
    assert fit.parameters == pytest.approx([0.5])
    assert fit.standard_errors() == pytest.approx([0.5 / np.sqrt(50)], rel=1e-4)
    assert fit.log_likelihood == pytest.approx(50 * np.log(0.5) - 50)
    assert not fit.undetermined().any()


def test_draws_have_the_fit_s_covariance() -> None:
    fit = maximize(exponential, [[1.0]], "exponential")
    logs = np.log(fit.draws(20_000, seed=1))
    assert logs.mean() == pytest.approx(np.log(0.5), abs=0.01)
    assert logs.std() == pytest.approx(1 / np.sqrt(50), rel=0.03)
    assert (fit.draws(5, seed=1) == fit.draws(5, seed=1)).all()


def test_flat_parameter_is_undetermined() -> None:
    def flat(parameters: Floats) -> tuple[float, Floats]:
        value, gradient = exponential(parameters[:1])
        return value, np.append(gradient, 0.0)

    fit = maximize(flat, [[1.0, 1.0]], "flat")
    assert fit.undetermined().tolist() == [False, True]


def test_likelihood_without_maximum_is_refused() -> None:
    def broken(parameters: Floats) -> tuple[float, Floats]:
        return float("nan"), np.zeros(1)

    with pytest.raises(NotTrainableError, match="broken: the likelihood has no finite maximum"):
        maximize(broken, [[1.0]], "broken")
