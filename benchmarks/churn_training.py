"""The examples of a source and the challenger of its candidates, made in this process by the
product's own assets and functions, without services. Measures nothing itself.
"""

import io
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deltalake import DeltaTable
from rich.console import Console

from retention_assets import keys
from retention_assets.automation.reconciliation import Reconciliation
from retention_assets.cli.progress import RunDisplay
from retention_assets.definitions import build_definitions
from retention_assets.modeling.candidates.declared import Candidate
from retention_assets.modeling.evaluation.candidate_evaluation import (
    evaluate_candidate,
    fold_means,
)
from retention_assets.modeling.evaluation.leaderboard import best_candidate
from retention_assets.modeling.examples import Examples, Floats
from retention_assets.modeling.search import search
from retention_assets.modeling.splits import TrainTestSplit
from retention_assets.modeling.task import Task
from retention_assets.platform import Platform
from retention_assets.services.instance import open_instance
from retention_assets.simulation.source_folder import make_simulated_source
from retention_assets.training.task import churn_examples

TABLES = 'group:"ingestion" or group:"validation" or key:"features/daily_activity"'


def filled_examples(platform: Platform) -> Examples:
    """The examples of all matured weeks, after a first load of the whole source."""
    settings = platform.settings
    if platform.profile.is_simulated:
        make_simulated_source(settings, lambda *_: None)
    display = RunDisplay(Console(file=io.StringIO()))
    with open_instance(settings) as instance:
        graph = Reconciliation(build_definitions(platform), platform, instance, display)
        for selection in (TABLES, f'key:"{keys.CHURN_EXAMPLES}"'):
            graph.materialize_selected(selection)
    path = f"{settings.lake_root}/{keys.CHURN_EXAMPLES}"
    return churn_examples(DeltaTable(path).to_pyarrow_table())


@dataclass(frozen=True)
class Challenger:
    """The candidate with the best figures on the folds. `p`: its probabilities for the test rows.
    `fold_log_loss`: that of each candidate. `out_of_time`: searches that a time limit ended.
    """

    recipe: Candidate
    p: Floats
    fold_log_loss: dict[str, float]
    out_of_time: tuple[str, ...]

    @property
    def params(self) -> dict[str, Any]:
        return dict(self.recipe.params)


def trained_challenger(data: Examples, split: TrainTestSplit, task: Task) -> Challenger:
    """Searches, trains and tests every candidate, then chooses by the folds, as training/* does."""
    results = {}
    evaluations = {}
    with tempfile.TemporaryDirectory() as folder:
        for candidate in task.candidates:
            journal = Path(folder) / f"{candidate.name}.log"
            result = search(candidate, data, split.folds, task, journal=journal)
            results[candidate.name] = result
            evaluations[candidate.name] = evaluate_candidate(
                result.best, data, split=split, task=task, folder=Path(folder) / candidate.name
            )
    fold_scores = {name: fold_means(item.trained.folds) for name, item in evaluations.items()}
    name = best_candidate(fold_scores)
    return Challenger(
        recipe=results[name].best,
        p=evaluations[name].p,
        fold_log_loss={name: scores["log_loss"] for name, scores in fold_scores.items()},
        out_of_time=tuple(name for name, result in results.items() if result.out_of_time),
    )
