"""A candidate's trial: folds, final fit, bundle, and one scoring of the untouched test by the bundle as it will be served.

Writes the model folder and nothing else; tables and the tracker are the asset's business.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from retention_assets.modeling.bundle import Origin, write_bundle
from retention_assets.modeling.candidates.declared import Candidate
from retention_assets.modeling.evaluation.metrics import Confusion, Economics, Evaluation
from retention_assets.modeling.examples import Examples, Floats
from retention_assets.modeling.pipeline import Trained, train
from retention_assets.modeling.splits import Split, forward_split
from serve.model.bundle import load_bundle

if TYPE_CHECKING:
    import pyarrow as pa

    from retention_assets.settings import Settings
    from retention_assets.sources.profile import Profile

TASK, EXAMPLES = "churn", "training/churn_examples"
SCORE_COLUMNS = (
    ("customer_id", "string"),
    ("as_of", "date"),
    ("label", "int"),
    ("probability", "double"),
)


@dataclass(frozen=True)
class Trial:
    """What came of it. `p`: probabilities of `test`, by the folder's own scorer."""

    trained: Trained
    digest: str
    train_rows: int
    test: Examples
    p: Floats
    threshold: float
    economics: Economics

    def figures(self) -> dict[str, float]:
        """Test figures, the confusion table's rates at the threshold, and the folds' means."""
        folds = {
            f"cv_{name}": float(np.mean([fold[name] for fold in self.trained.folds]))
            for name in self._fold_figures()
        }
        test = Evaluation(self.test.y, self.p, self.economics).point()
        at_threshold = Confusion.of(self.test.y, self.p, self.threshold).rates()
        return (
            test
            | at_threshold
            | folds
            | {"folds": len(self.trained.folds), "fit_s": self.trained.model.seconds}
        )

    def _fold_figures(self) -> list[str]:
        return (
            [name for name in self.trained.folds[0] if not name.endswith("rows")]
            if self.trained.folds
            else []
        )

    def scores(self) -> "pa.Table":
        import pyarrow as pa

        columns = (self.test.customers, self.test.as_of, self.test.y.astype(np.int32), self.p)
        return pa.table(
            [pa.array(column) for column in columns], names=[name for name, _ in SCORE_COLUMNS]
        )


def economics_of(settings: "Settings") -> Economics:
    return Economics(
        settings.contact_cost, settings.saved_margin, settings.save_rate, settings.capacity_share
    )


def risk_levels_of(settings: "Settings") -> dict[str, float]:
    return {
        "MEDIUM": settings.risk_medium,
        "HIGH": settings.risk_high,
        "CRITICAL": settings.risk_critical,
    }


def purge_days(settings: "Settings", profile: "Profile") -> int:
    """Days after an as-of date until its label window closes."""
    return settings.gap_days + profile.churn.horizon_days


def churn_trial(
    candidate: Candidate, data: Examples, folder: Path, settings: "Settings", profile: "Profile"
) -> Trial:
    """The candidate's trial on the weekly examples."""
    split = forward_split(data, settings.test_weeks, settings.folds, purge_days(settings, profile))
    days = {"gap_days": settings.gap_days, "horizon_days": profile.churn.horizon_days}
    levels, economics = risk_levels_of(settings), economics_of(settings)
    origin = Origin(
        TASK,
        profile.name,
        EXAMPLES,
        settings.seed,
        split.train,
        split.test,
        days,
        levels,
        economics,
    )
    return hold_trial(candidate, data, split, origin, folder)


def hold_trial(
    candidate: Candidate, data: Examples, split: Split, origin: Origin, folder: Path
) -> Trial:
    """Trains the candidate, writes its folder, loads it back by its digest, and scores the test with it, once."""
    trained = train(candidate, data, split, origin.economics, origin.seed)
    digest = write_bundle(folder, trained, data, origin)
    scorer = load_bundle(folder, digest)
    test = data.take(split.test)
    rows = int(split.train.sum())
    return Trial(
        trained,
        digest,
        rows,
        test,
        scorer.probabilities(test.X),
        scorer.card.threshold,
        origin.economics,
    )
