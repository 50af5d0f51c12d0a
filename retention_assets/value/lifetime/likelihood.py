"""Maximum likelihood over positive parameters: the estimate, and how certain it is. Knows no model
of customers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from retention_assets.errors import NotTrainableError
from retention_assets.modeling.examples import Bools, Floats

# A factor of e**12 around the scale of the data: beyond it a parameter no longer changes a curve.
LOG_BOUND = 12.0
HESSIAN_STEP = 1e-4
# Where the data say nothing about a direction, draws go about a factor of e away, not farther.
LARGEST_DEVIATION = 1.0

# log likelihood and its gradient, both by the parameters (not by their logarithms)
LogLikelihood = Callable[[Floats], tuple[float, Floats]]


@dataclass(frozen=True)
class LikelihoodFit:
    """The estimate, the log likelihood there, and the covariance of the parameters' logarithms."""

    parameters: Floats
    log_likelihood: float
    log_covariance: Floats

    def standard_errors(self) -> Floats:
        """Of the parameters themselves (delta method)."""
        return self.parameters * np.sqrt(np.diag(self.log_covariance))

    def undetermined(self) -> Bools:
        """Parameters about which the likelihood says nothing, as it goes on growing on the way to 0
        or infinity: BG/NBD's a and b, where nobody seems to leave. Predictions do not depend on
        how far out they are.
        """
        values, vectors = np.linalg.eigh(self.log_covariance)
        flat = values > 0.99 * LARGEST_DEVIATION**2
        return (vectors[:, flat] ** 2).sum(axis=1) > 0.25

    def draws(self, count: int, seed: int) -> Floats:
        """(count, parameters) from the normal distribution of the logarithms."""
        rng = np.random.default_rng(seed)
        values, vectors = np.linalg.eigh(self.log_covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        steps = rng.standard_normal((count, len(values))) @ root.T
        return np.exp(np.log(self.parameters) + steps)


def maximize(
    log_likelihood: LogLikelihood, starts: Sequence[Sequence[float]], model: str
) -> LikelihoodFit:
    """The best of the optima that L-BFGS-B reaches from the starts, in logarithms of parameters.

    Raises NotTrainableError where no start leads to a finite optimum; `model` names it there.
    """
    from scipy.optimize import minimize

    def loss(logs: Floats) -> tuple[float, Floats]:
        parameters = np.exp(logs)
        value, gradient = log_likelihood(parameters)
        return -value, -gradient * parameters

    results = []
    for start in np.log(np.asarray(starts, dtype=np.float64)):
        scale = max(abs(loss(start)[0]), 1.0)
        results.append(
            minimize(
                lambda logs, scale=scale: tuple(part / scale for part in loss(logs)),
                start,
                jac=True,
                method="L-BFGS-B",
                bounds=[(center - LOG_BOUND, center + LOG_BOUND) for center in start],
                options={"maxiter": 500, "ftol": 1e-13, "gtol": 1e-9},
            )
        )
    logs = min(results, key=lambda result: loss(result.x)[0]).x
    value, _ = loss(logs)
    if not np.isfinite(value):
        raise NotTrainableError(
            f"{model}: the likelihood has no finite maximum.",
            "Give more customers, or a longer history.",
        )
    return LikelihoodFit(np.exp(logs), -value, _covariance(loss, logs))


def _covariance(loss: LogLikelihood, logs: Floats) -> Floats:
    """The inverse of the Hessian, which is the central difference of the gradient."""
    size = len(logs)
    hessian = np.empty((size, size))
    for at in range(size):
        step = np.zeros(size)
        step[at] = HESSIAN_STEP
        hessian[at] = (loss(logs + step)[1] - loss(logs - step)[1]) / (2 * HESSIAN_STEP)
    values, vectors = np.linalg.eigh((hessian + hessian.T) / 2)
    values = np.maximum(values, LARGEST_DEVIATION**-2)
    return (vectors / values) @ vectors.T
