"""Candidates, baselines and today's champion compared on the same untouched rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from retention_assets.errors import NotTrainableError
from retention_assets.modeling.evaluation.baselines import evaluate_baselines, ranking_names
from retention_assets.modeling.evaluation.leaderboard import BootstrapScores, best_candidate
from retention_assets.modeling.evaluation.metrics import Evaluation
from retention_assets.modeling.examples import Bools, Examples, Floats
from retention_assets.modeling.promotion.evidence import CHAMPION
from retention_assets.modeling.task import Task
from retention_assets.modeling.utility import Utility
from serve.model.scorer import Scorer


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The scorers of one untouched test. `champion` is None where there is none to compare with.

    `chosen`: the candidate that other rows picked beforehand; None: the best one here challenges.
    """

    task: Task
    test: Examples
    candidates: Mapping[str, Evaluation]
    baselines: Mapping[str, Evaluation]
    champion: Evaluation | None = None
    chosen: str | None = None

    @cached_property
    def challenger(self) -> str:
        """Name of the candidate that may become champion."""
        points = {name: scorer.point() for name, scorer in self.candidates.items()}
        return self.chosen or best_candidate(points)

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
        """Every candidate and baseline, with intervals."""
        scores = self._bootstrap({**self.candidates, **self.baselines})
        return scores.rows(set(self.candidates))

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
    champion: Scorer | None = None,
    chosen: str | None = None,
) -> Comparison:
    """All scorers on `test`; baselines learn from the `train` rows of `data`.

    `probabilities`: candidate -> one per test row.
    """
    return Comparison(
        task=task,
        test=test,
        candidates={
            name: Evaluation(test.y, p, task.utility, reachable=test.reachable)
            for name, p in probabilities.items()
        },
        baselines=evaluate_baselines(task.baselines, data, train, test, task.utility),
        champion=evaluate_champion(test, champion, task.utility),
        chosen=chosen,
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


def evaluate_champion(
    test: Examples, champion: Scorer | None, utility: Utility
) -> Evaluation | None:
    """The champion on the test rows; None without one, or if it needs features that are absent."""
    if champion is None or not set(champion.features) <= set(test.features):
        return None
    p = champion.probabilities(test.columns(champion.features))
    return Evaluation(test.y, p, utility, reachable=test.reachable)
