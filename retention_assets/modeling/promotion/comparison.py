"""Candidates, baselines and today's champion compared on the same untouched rows."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from retention_assets.errors import NotTrainableError
from retention_assets.modeling.candidates.declared import Candidate
from retention_assets.modeling.evaluation.baselines import evaluate_baselines, ranking_names
from retention_assets.modeling.evaluation.leaderboard import BootstrapScores, best_candidate
from retention_assets.modeling.evaluation.metrics import Evaluation
from retention_assets.modeling.examples import Bools, Examples, Floats
from retention_assets.modeling.pipeline import fit_model
from retention_assets.modeling.promotion.evidence import CHAMPION
from retention_assets.modeling.recipe import recipe_of
from retention_assets.modeling.splits import purged_before
from retention_assets.modeling.task import Task


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The scorers of one untouched test. `champion`: its recipe, fitted on the rows that the
    candidates were fitted on; None where there is none to compare with.

    `fold_scores`: candidate -> its mean figures on the folds, which choose the challenger.
    `chosen_on`: what the folds are.
    """

    task: Task
    test: Examples
    candidates: Mapping[str, Evaluation]
    baselines: Mapping[str, Evaluation]
    fold_scores: Mapping[str, Mapping[str, float]]
    chosen_on: str
    champion: Evaluation | None = None

    @cached_property
    def challenger(self) -> str:
        """Name of the candidate that may become champion."""
        return best_candidate(self.fold_scores)

    @property
    def same_recipe_reason(self) -> str:
        """Why there is nothing to compare if the champion has the challenger's recipe already."""
        return f"The best recipe is the champion's own, {self.challenger}: it stays."

    @cached_property
    def scores(self) -> BootstrapScores:
        """The challenger beside the baselines and the champion."""
        scorers = {self.challenger: self.candidates[self.challenger], **self.baselines}
        if self.champion:
            scorers[CHAMPION] = self.champion
        return self._bootstrap(scorers)

    @property
    def rankings(self) -> tuple[str, ...]:
        """Names of the baselines that rank."""
        return ranking_names(self.task.baselines, self.baselines)

    def leaderboard(self) -> list[dict[str, object]]:
        """Every candidate and baseline with intervals, and what the challenger was chosen by."""
        scores = self._bootstrap({**self.candidates, **self.baselines})
        return [
            row | self._choice(str(row["candidate"])) for row in scores.rows(set(self.candidates))
        ]

    def _choice(self, name: str) -> dict[str, object]:
        of_folds = self.fold_scores.get(name, {})
        return {
            "fold_profit": of_folds.get("profit"),
            "fold_profit_error": of_folds.get("profit_error"),
            "fold_brier": of_folds.get("brier"),
            "is_challenger": name == self.challenger,
        }

    def _bootstrap(self, scorers: Mapping[str, Evaluation]) -> BootstrapScores:
        rounds = self.task.bootstrap_rounds
        return BootstrapScores.of(scorers, self.test.entities, rounds, self.task.seed)


def compare(
    task: Task,
    data: Examples,
    *,
    train: Bools,
    test: Examples,
    probabilities: Mapping[str, Floats],
    fold_scores: Mapping[str, Mapping[str, float]],
    chosen_on: str,
) -> Comparison:
    """All scorers on `test`; baselines learn from the `train` rows of `data`.

    `probabilities`: candidate -> one per test row. `fold_scores`, `chosen_on`: see Comparison.
    """
    return Comparison(
        task=task,
        test=test,
        candidates={
            name: Evaluation.of(test, p, task.utility) for name, p in probabilities.items()
        },
        baselines=evaluate_baselines(task.baselines, data, train, test, task.utility),
        fold_scores=fold_scores,
        chosen_on=chosen_on,
    )


def aligned(
    test: Examples, entities: NDArray[np.str_], as_of: NDArray[np.datetime64], p: Floats, name: str
) -> Floats:
    """Stored probabilities in the test rows' order. Raises NotTrainableError on other rows."""
    order = np.lexsort((entities, as_of))
    same = (
        len(order) == len(test)
        and (entities[order] == test.entities).all()
        and (as_of[order] == test.as_of).all()
    )
    if not same:
        raise NotTrainableError(
            f"Candidate {name} was scored on other rows than the examples now hold.",
            "Rematerialize all candidates in one run.",
        )
    return p[order]


def with_champion(
    comparison: Comparison, recipe: Candidate, data: Examples, recipes: Mapping[str, str]
) -> Comparison:
    """The comparison with the champion's recipe in it. `recipes`: those of the candidates.

    Recipes are compared, not models: the champion in use may have learned from the rows of the
    test, or from features that the source no longer has.
    """
    for name, of_candidate in recipes.items():
        if of_candidate == recipe_of(recipe):
            return replace(comparison, champion=comparison.candidates[name])
    task = comparison.task
    test = comparison.test
    before = purged_before(data, test.as_of.min(), task.purge_days)
    p = fit_model(recipe, data, before, task.seed, task.words).probabilities(test.X)
    return replace(comparison, champion=Evaluation.of(test, p, task.utility))
