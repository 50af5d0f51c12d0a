"""One contest on one untouched test: candidates, baselines, and today's champion, all on the same rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from retention_assets.errors import NotTrainableError
from retention_assets.modeling.candidates.declared import CANDIDATES
from retention_assets.modeling.evaluation.baselines import baselines
from retention_assets.modeling.evaluation.candidate_evaluation import (
    EXAMPLES,
    economics_of,
    purge_days,
)
from retention_assets.modeling.evaluation.leaderboard import Standing, winner
from retention_assets.modeling.evaluation.metrics import Economics, Evaluation
from retention_assets.modeling.examples import Examples, from_arrow
from retention_assets.modeling.promotion import gates
from retention_assets.modeling.splits import purged_before
from serve.model.scorer import Scorer

if TYPE_CHECKING:
    import pyarrow as pa

    from retention_assets.settings import Settings
    from retention_assets.sources.profile import Profile


@dataclass(frozen=True)
class Contest:
    """The scorers of one untouched test: candidates, baselines, and today's champion on the same rows, where there is one.

    `chosen`: the candidate that was picked beforehand, on other rows; None: the best one here challenges.
    """

    test: Examples
    candidates: Mapping[str, Evaluation]
    baselines: Mapping[str, Evaluation]
    champion: Evaluation | None
    rounds: int
    seed: int
    chosen: str | None = None

    @cached_property
    def challenger(self) -> str:
        return self.chosen or winner(
            {name: scorer.point() for name, scorer in self.candidates.items()}
        )

    def standing(self) -> Standing:
        """The challenger beside those that it has to beat."""
        entrants = {self.challenger: self.candidates[self.challenger], **self.baselines}
        if self.champion:
            entrants[gates.CHAMPION] = self.champion
        return Standing.of(entrants, self.test.customers, self.rounds, self.seed)

    def leaderboard(self) -> list[dict[str, object]]:
        """Every candidate and baseline, with intervals."""
        entrants = {**self.candidates, **self.baselines}
        return Standing.of(entrants, self.test.customers, self.rounds, self.seed).rows(
            set(self.candidates)
        )


def contest_of(
    read: Callable[[str], "pa.Table"],
    champion: Scorer | None,
    settings: "Settings",
    profile: "Profile",
) -> Contest:
    """The contest as the lake holds it: the candidates' stored test scores, the examples of the same weeks.

    `read`: asset key -> table. The champion is scored here, on the rows that the candidates were scored on.
    """
    data, economics = from_arrow(read(EXAMPLES)), economics_of(settings)
    scores = {candidate.name: read(f"training/churn_{candidate.name}") for candidate in CANDIDATES}
    weeks = np.unique(
        np.concatenate(
            [table["as_of"].to_numpy().astype("datetime64[D]") for table in scores.values()]
        )
    )
    test = data.take(np.isin(data.as_of, weeks))
    candidates = {
        name: Evaluation(test.y, aligned(test, table, name), economics)
        for name, table in scores.items()
    }
    train = purged_before(data, weeks[0], purge_days(settings, profile))
    rival = champion_on(test, champion, economics)
    found = baselines(data, train, test, economics)
    return Contest(test, candidates, found, rival, settings.bootstrap_rounds, settings.seed)


def aligned(test: Examples, table: "pa.Table", name: str) -> np.ndarray:
    """The table's probabilities in the order of the test rows; refused unless it holds exactly these rows."""
    customers, as_of = (
        table["customer_id"].to_numpy().astype(str),
        table["as_of"].to_numpy().astype("datetime64[D]"),
    )
    order = np.lexsort((customers, as_of))
    same = (
        len(order) == len(test)
        and (customers[order] == test.customers).all()
        and (as_of[order] == test.as_of).all()
    )
    if not same:
        raise NotTrainableError(
            f"Candidate {name} was scored on other rows than the examples now hold.",
            "Rematerialize all candidates in one run.",
        )
    return table["probability"].to_numpy()[order]


def champion_on(test: Examples, champion: Scorer | None, economics: Economics) -> Evaluation | None:
    """The champion on the test rows; None where there is none, or where it asks for features that this source lacks."""
    if champion is None or not set(champion.features) <= set(test.features):
        return None
    return Evaluation(test.y, champion.probabilities(test.columns(champion.features)), economics)
