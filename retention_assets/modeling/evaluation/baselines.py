"""Scorers that need no model: each candidate has to beat them. Fitted on the same training rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from retention_assets.modeling.calibration import fit_platt
from retention_assets.modeling.evaluation.metrics import Acting, Evaluation
from retention_assets.modeling.examples import Bools, Examples, Floats
from retention_assets.modeling.utility import Utility

# (all examples, training rows, test rows) -> probabilities of the test rows; None: not possible.
BaselineScores = Callable[[Examples, Bools, Examples], Floats | None]


@dataclass(frozen=True)
class Baseline:
    """A trivial scorer. `ranks`: its order carries information, so money alone may not tell it
    from a good model, and the gates compare probabilities too.
    """

    name: str
    scores: BaselineScores
    acting: Acting = "ranked"
    ranks: bool = False


def evaluate_baselines(
    baselines: Sequence[Baseline], data: Examples, train: Bools, test: Examples, utility: Utility
) -> dict[str, Evaluation]:
    """Baselines by name. One that needs a feature that the data lacks is left out."""
    scored = {item: item.scores(data, train, test) for item in baselines}
    return {
        item.name: Evaluation.of(test, p, utility, item.acting)
        for item, p in scored.items()
        if p is not None
    }


def base_rate(data: Examples, train: Bools, test: Examples) -> Floats:
    """The training rate for every row."""
    return np.full(len(test), float(np.average(data.y[train], weights=data.w[train])))


def log_feature(name: str) -> BaselineScores:
    """A logistic curve of one feature's log; unknown values count as the largest trained on."""

    def scores(data: Examples, train: Bools, test: Examples) -> Floats | None:
        if name not in data.features:
            return None
        column = data.features.index(name)
        largest = float(np.nanmax(data.X[train, column], initial=1.0))
        trained = _log(data.X[train, column], largest)
        # fit_platt works on the logit of its input: pass the sigmoid of the standardized log.
        center = trained.mean()
        scale = trained.std() or 1.0
        curve = fit_platt(_sigmoid((trained - center) / scale), data.y[train], data.w[train])
        return curve.apply(_sigmoid((_log(test.X[:, column], largest) - center) / scale))

    return scores


def ranking_names(
    baselines: Sequence[Baseline], evaluated: Mapping[str, Evaluation]
) -> tuple[str, ...]:
    """Names of the evaluated baselines that rank."""
    return tuple(item.name for item in baselines if item.ranks and item.name in evaluated)


def _log(values: Floats, unknown: float) -> Floats:
    return np.log1p(np.nan_to_num(np.clip(values, 0, None), nan=unknown))


def _sigmoid(x: Floats) -> Floats:
    return 1 / (1 + np.exp(-x))


NOBODY = Baseline("nobody", base_rate, acting="never")
EVERYBODY = Baseline("everybody", base_rate, acting="random")
