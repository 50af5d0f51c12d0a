"""One candidate: folds, final fit, bundle, and one scoring of the untouched test by that bundle.

Writes the model folder and nothing else; the asset writes tables and logs to the tracker.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retention_assets.modeling.bundle import write_bundle
from retention_assets.modeling.candidates.declared import Candidate
from retention_assets.modeling.evaluation.metrics import Confusion, Evaluation
from retention_assets.modeling.examples import Examples, Floats
from retention_assets.modeling.pipeline import Trained, train
from retention_assets.modeling.splits import TrainTestSplit
from retention_assets.modeling.task import Task
from retention_assets.modeling.utility import Utility
from serve.model.bundle import load_bundle


@dataclass(frozen=True)
class CandidateEvaluation:
    """A trained candidate on the untouched test. `p`: probabilities by the folder's own scorer."""

    trained: Trained
    digest: str
    train_rows: int
    test: Examples
    p: Floats
    threshold: float
    utility: Utility

    def figures(self) -> dict[str, float]:
        """Test figures, the confusion table's rates at the threshold, and the folds' means."""
        folds = self.trained.folds
        means = {f"cv_{name}": value for name, value in fold_means(folds).items()}
        test = Evaluation.of(self.test, self.p, self.utility).point()
        table = Confusion.of(self.test.y, self.p, self.threshold, self.test.weights)
        timing = {"folds": len(folds), "fit_s": self.trained.model.seconds}
        return test | table.rates() | means | timing


def fold_means(folds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Mean of each figure over the folds, weighted by their validation rows; empty without folds.

    By these a challenger is chosen: the untouched rows then judge a single candidate. The mean of a
    standard error is that of the mean where the folds' rows are of the same entities.
    """
    rows = [fold["rows"] for fold in folds]
    names = [name for name in folds[0] if not name.endswith("rows")] if folds else []
    return {name: float(np.average([fold[name] for fold in folds], weights=rows)) for name in names}


def evaluate_candidate(
    candidate: Candidate, data: Examples, *, split: TrainTestSplit, task: Task, folder: Path
) -> CandidateEvaluation:
    """Trains the candidate, writes its folder, loads it by its digest, and scores the test once."""
    trained = train(candidate, data, split, task)
    digest = write_bundle(folder, trained, data, split=split, task=task)
    scorer = load_bundle(folder, digest)
    test = data.take(split.test)
    return CandidateEvaluation(
        trained=trained,
        digest=digest,
        train_rows=int(split.train.sum()),
        test=test,
        p=scorer.probabilities(test.X),
        threshold=scorer.card.threshold,
        utility=task.utility,
    )
