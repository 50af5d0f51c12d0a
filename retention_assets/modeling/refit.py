"""The tested recipe, fitted again on every labeled row, and compared with the tested model.

The tested model has not learned from the last months: its labels had to close before the test. The
refit has no untouched rows, so it has no figures of its own; it only must agree with the model that
has them. Writes the refit's model folder and nothing else.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retention_assets.modeling.bundle import write_bundle
from retention_assets.modeling.candidates.declared import Candidate
from retention_assets.modeling.evaluation.stability import rank_correlation
from retention_assets.modeling.examples import Examples, Floats
from retention_assets.modeling.pipeline import Trained, train
from retention_assets.modeling.splits import TrainTestSplit
from retention_assets.modeling.task import Task
from serve.model.bundle import load_bundle

# Refits of three candidates had at least .92 and at most .03, on Online Retail and the simulator.
MIN_RANK_CORRELATION = 0.7
# In points of probability. Newer labels may move the level, which is what they are for.
MAX_MEAN_DIFFERENCE = 0.1


@dataclass(frozen=True)
class Agreement:
    """Of two models on the same rows: Spearman's rank correlation, and the mean difference."""

    rank_correlation: float
    mean_difference: float

    @property
    def is_close(self) -> bool:
        """Whether one may stand in for the other."""
        return (
            self.rank_correlation >= MIN_RANK_CORRELATION
            and abs(self.mean_difference) <= MAX_MEAN_DIFFERENCE
        )

    @property
    def reason(self) -> str:
        """The figures and their limits, as a sentence."""
        return (
            f"On the rows of the test, its rank correlation with the tested model is "
            f"{self.rank_correlation:.3f} (at least {MIN_RANK_CORRELATION}), and its "
            f"probabilities differ by {self.mean_difference:+.3f} on average (at most "
            f"{MAX_MEAN_DIFFERENCE})."
        )


@dataclass(frozen=True)
class Refit:
    """A model fitted on all labeled rows. `tested_on`: the rows that tested its recipe."""

    trained: Trained
    digest: str
    rows: int
    tested_on: Examples
    agreement: Agreement


def agreement_of(refit: Floats, tested: Floats) -> Agreement:
    """Of two models' probabilities for the same rows. A constant agrees with no ranking."""
    correlation = rank_correlation(refit, tested) or 0.0
    return Agreement(correlation, float((refit - tested).mean()))


def refit_recipe(
    candidate: Candidate,
    data: Examples,
    *,
    test: Examples,
    tested: Floats,
    task: Task,
    folder: Path,
) -> Refit:
    """Fits the candidate on all rows and writes its folder. `tested`: the tested model's
    probabilities for the rows of `test`.
    """
    everything = np.ones(len(data), dtype=bool)
    in_test = np.isin(data.as_of, np.unique(test.as_of))
    split = TrainTestSplit(everything, in_test, ())
    trained = train(candidate, data, split, task)
    digest = write_bundle(folder, trained, data, split=split, task=task)
    p = load_bundle(folder, digest).probabilities(test.X)
    return Refit(trained, digest, len(data), test, agreement_of(p, tested))
