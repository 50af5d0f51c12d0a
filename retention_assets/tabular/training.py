"""Training and promotion on a flat labelled table: the same candidates, folds, calibration and gates as the graph's.

Which candidate is best is decided by the folds within the training rows; the untouched rows are then scored once. They are
the second file where it has labels, else the last fifth by time, else a fifth of the identifiers, chosen by a stable hash.
"""

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from retention_assets.errors import NotTrainableError
from retention_assets.modeling.bundle import Origin
from retention_assets.modeling.candidates.declared import CANDIDATES
from retention_assets.modeling.evaluation.baselines import baselines
from retention_assets.modeling.evaluation.candidate_evaluation import (
    Trial,
    economics_of,
    hold_trial,
    risk_levels_of,
)
from retention_assets.modeling.evaluation.leaderboard import winner
from retention_assets.modeling.evaluation.metrics import Evaluation
from retention_assets.modeling.examples import Bools, Examples, Floats
from retention_assets.modeling.promotion.comparison import Contest
from retention_assets.modeling.promotion.decision import Verdict, decide
from retention_assets.modeling.splits import (
    Split,
    both_classes,
    forward_folds,
    hash_share,
    hashed_folds,
)
from retention_assets.tabular.encoding import Encoding, learn
from retention_assets.tabular.table import FlatTable
from serve.model.bundle import load_bundle

if TYPE_CHECKING:
    from retention_assets.settings import Settings

TASK = "table"
TEST_SHARE = 0.2
Report = Callable[[str, int, float], None]


@dataclass(frozen=True)
class TableTrial:
    """What came of a table. `scored`: identifier and probability of each row that was to be scored, in the file's order."""

    encoding: Encoding
    split: Split
    contest: Contest
    trials: Mapping[str, Trial]
    verdict: Verdict
    scored: tuple[np.ndarray, Floats]
    not_trained: int


def hold_table_trial(
    table: FlatTable, second: FlatTable | None, settings: "Settings", folder: Path, report: Report
) -> TableTrial:
    """Trains all candidates on `table`, judges the best, scores `second` (or the untouched rows) with it.

    `folder` gets the best candidate's model folder. `report` hears of each candidate: name, training rows, seconds.
    """
    judged_on_second = second is not None and second.y is not None
    rows, test, train = _rows(table, second if judged_on_second else None)
    encoding, data = _examples(rows, train)
    split = _split(data, train, test, timed=len(np.unique(table.as_of)) > 1, folds=settings.folds)
    trials = _trials(data, split, table.name, settings, folder, report)
    economics = economics_of(settings)
    folds = {name: _fold_means(trial) for name, trial in trials.items()}
    scorers = {name: Evaluation(trial.test.y, trial.p, economics) for name, trial in trials.items()}
    untouched, chosen = data.take(split.test), winner(folds)
    contest = Contest(
        untouched, scorers, baselines(data, split.train, untouched, economics), None,
        settings.bootstrap_rounds, settings.seed, chosen,
    )  # fmt: skip
    scorer = load_bundle(_keep(folder, chosen), trials[chosen].digest)
    verdict = decide(contest, scorer, None, True, settings.max_predict_ms)
    if second is not None and not judged_on_second:
        scored = second.identifiers, scorer.probabilities(encoding.apply(second))
    else:
        scored = untouched.customers, trials[chosen].p
    return TableTrial(
        encoding, split, contest, trials, verdict, scored, int((~train & ~test).sum())
    )


def _rows(table: FlatTable, second: FlatTable | None) -> tuple[list[FlatTable], Bools, Bools]:
    """The tables whose rows take part, and which of these rows are untouched and which are trained on.

    Whoever has an untouched row is not trained on, whatever the file.
    """
    if second is not None:
        test = np.r_[np.zeros(len(table), bool), np.ones(len(second), bool)]
        identifiers = np.r_[table.identifiers, second.identifiers]
        return [table, second], test, ~test & ~np.isin(identifiers, second.identifiers)
    days = np.sort(table.as_of)
    if days[0] < days[-1]:
        test = table.as_of >= max(days[int(len(days) * (1 - TEST_SHARE))], days[days > days[0]][0])
    else:
        test = hash_share(table.identifiers, "test") < TEST_SHARE
    return [table], test, ~test & ~np.isin(table.identifiers, table.identifiers[test])


def _examples(tables: list[FlatTable], train: Bools) -> tuple[Encoding, Examples]:
    """All rows as arrays, in the files' order; the encoding knows the training rows only."""
    first = tables[0]
    known, labels = (
        train[: len(first)],
        np.concatenate([table.y for table in tables if table.y is not None]),
    )
    encoding = learn(
        {name: column[known] for name, column in first.columns.items()}, labels[: len(first)][known]
    )
    X = np.concatenate([encoding.apply(table) for table in tables])
    identifiers = np.concatenate([table.identifiers for table in tables])
    return encoding, Examples(
        encoding.features, identifiers, np.concatenate([table.as_of for table in tables]), X, labels
    )


def _split(data: Examples, train: Bools, test: Bools, timed: bool, folds: int) -> Split:
    """Folds forward in time where rows have one, by identifier where not. No identifier is on both sides of any."""
    both_classes(data.y[train], "training")
    both_classes(data.y[test], "the untouched part")
    # A purge of one day: what comes before a block ends on the day before it.
    made = (
        forward_folds(data, train, folds, purge_days=1, apart=True)
        if timed
        else hashed_folds(data, train, folds)
    )
    if not made:
        raise NotTrainableError(
            f"{int(train.sum())} training rows are too few to compare candidates on folds of their own.",
            "Give more rows, at least some hundred a fold with ten of each label, or lower RETENTION_FOLDS.",
        )
    return Split(train, test, made)


def _trials(
    data: Examples, split: Split, source: str, settings: "Settings", folder: Path, report: Report
) -> dict[str, Trial]:
    found = {}
    origin = Origin(
        TASK,
        source,
        source,
        settings.seed,
        split.train,
        split.test,
        {},
        risk_levels_of(settings),
        economics_of(settings),
    )
    for candidate in CANDIDATES:
        began = time.perf_counter()
        found[candidate.name] = hold_trial(candidate, data, split, origin, folder / candidate.name)
        report(candidate.name, found[candidate.name].train_rows, time.perf_counter() - began)
    return found


def _fold_means(trial: Trial) -> dict[str, float]:
    """A row of a fold weighs as much as a row of any other."""
    folds = trial.trained.folds
    rows = np.array([fold["rows"] for fold in folds])
    return {
        name: float(np.average([fold[name] for fold in folds], weights=rows))
        for name in ("profit", "brier")
    }


def _keep(folder: Path, chosen: str) -> Path:
    """Leaves the chosen candidate's files in `folder` itself."""
    kept = folder / chosen
    for file in kept.iterdir():
        file.replace(folder / file.name)
    for candidate in CANDIDATES:
        shutil.rmtree(folder / candidate.name)
    return folder
