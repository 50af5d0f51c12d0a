"""Training and promotion on a flat labeled table, with the candidates and gates of the graph.

The folds within the training rows choose the candidate; the untouched rows are then scored once.
They are the second file if it has labels, else the last fifth by time, else a fifth of the
identifiers by a stable hash.
"""

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from retention_assets import keys
from retention_assets.errors import NotTrainableError
from retention_assets.modeling.candidates.declared import CANDIDATES
from retention_assets.modeling.evaluation.baselines import (
    EVERYBODY,
    NOBODY,
    Baseline,
    log_feature,
)
from retention_assets.modeling.evaluation.candidate_evaluation import (
    CandidateEvaluation,
    evaluate_candidate,
    fold_means,
)
from retention_assets.modeling.examples import Bools, Examples, Floats
from retention_assets.modeling.promotion.comparison import Comparison, compare
from retention_assets.modeling.promotion.decision import PromotionDecision, decide_promotion
from retention_assets.modeling.splits import (
    TrainTestSplit,
    forward_folds,
    hash_share,
    hashed_folds,
    require_both_classes,
    require_folds,
    rolling_origins,
)
from retention_assets.modeling.task import SearchBudget, Task
from retention_assets.modeling.utility import ContactUtility
from retention_assets.modeling.words import Words
from retention_assets.tabular.encoding import Encoding, learn
from retention_assets.tabular.table import FlatTable, counted_identifiers
from serve.model.bundle import load_bundle

if TYPE_CHECKING:
    from retention_assets.settings import Settings

TEST_SHARE = 0.2
MIN_IDENTIFIERS = 20  # a few for each part and fold
WORDS = Words(entity="row", entities="rows")
RECENCY_ONLY = Baseline("recency_only", log_feature("recency_days"), ranks=True)
MEDIAN_SLICES = ("tenure_days", "recency_days", "total_revenue")
Report = Callable[[str, int, float], None]


@dataclass(frozen=True)
class TableResult:
    """The result of training on a table. `scored`: identifier and probability of each row."""

    encoding: Encoding
    split: TrainTestSplit
    comparison: Comparison
    evaluations: Mapping[str, CandidateEvaluation]
    decision: PromotionDecision
    scored: tuple[np.ndarray, Floats]
    not_trained: int


def train_on_table(
    table: FlatTable, second: FlatTable | None, settings: "Settings", folder: Path, report: Report
) -> TableResult:
    """Trains all candidates on `table`; scores `second`, or the untouched rows, with the best.

    `folder` becomes the best candidate's model folder. `report` is called after each candidate
    with its name, training rows and seconds.
    """
    timed = len(np.unique(table.as_of)) > 1
    if not timed:
        _require_identifiers(table)
    tested_on_second = second is not None and second.y is not None
    task = table_task(settings, table.name)
    rows, test, train = _rows(table, second if tested_on_second else None)
    encoding, data = _examples(rows, train)
    split = _split(data, train, test, timed=timed, folds=task.folds)
    evaluations = _evaluate(data, split, task, folder, report)
    untouched = data.take(split.test)
    comparison = compare(
        task,
        data,
        train=split.train,
        test=untouched,
        probabilities={name: evaluation.p for name, evaluation in evaluations.items()},
        fold_scores={name: fold_means(item.trained.folds) for name, item in evaluations.items()},
        chosen_on=split.chosen_on,
    )
    chosen = comparison.challenger
    _keep_only(folder, chosen)
    scorer = load_bundle(folder, evaluations[chosen].digest)
    decision = decide_promotion(comparison, scorer, has_signature=True)
    if second is not None and not tested_on_second:
        scored = second.identifiers, scorer.probabilities(encoding.apply(second))
    else:
        scored = untouched.entities, evaluations[chosen].p
    return TableResult(
        encoding=encoding,
        split=split,
        comparison=comparison,
        evaluations=evaluations,
        decision=decision,
        scored=scored,
        not_trained=int((~train & ~test).sum()),
    )


def table_task(settings: "Settings", table: str) -> Task:
    """The Task of one flat table: rows without a label window, and the money of a contact."""
    return Task(
        name=keys.TABLE,
        words=WORDS,
        source=table,
        examples=table,
        label_window=None,
        utility=ContactUtility(
            contact_cost=settings.contact_cost,
            saved_margin=settings.saved_margin,
            save_rate=settings.save_rate,
            capacity_share=settings.capacity_share,
        ),
        baselines=(NOBODY, EVERYBODY, RECENCY_ONLY),
        median_slices=MEDIAN_SLICES,
        candidates=CANDIDATES,
        risk_levels={
            "MEDIUM": settings.risk_medium,
            "HIGH": settings.risk_high,
            "CRITICAL": settings.risk_critical,
        },
        test_periods=1,
        folds=settings.folds,
        search=SearchBudget(settings.search_trials, settings.search_seconds, settings.search_rows),
        seed=settings.seed,
        bootstrap_rounds=settings.bootstrap_rounds,
        calibration_tolerance=settings.calibration_tolerance,
        max_latency_ratio=settings.max_predict_ratio,
    )


def _require_identifiers(table: FlatTable) -> None:
    """Raises NotTrainableError if there are too few to be split."""
    if len(np.unique(table.identifiers)) < MIN_IDENTIFIERS:
        raise NotTrainableError(
            f"{table.name}: {counted_identifiers(table.identifiers)} cannot be split into training "
            "and untouched rows.",
            "Name the column that identifies a row's customer: --id COLUMN.",
        )


def _rows(table: FlatTable, second: FlatTable | None) -> tuple[list[FlatTable], Bools, Bools]:
    """The tables whose rows take part, and which rows are untouched and which are trained on.

    An identifier with an untouched row is not trained on, whichever file it is in.
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
    known = train[: len(first)]
    labels = np.concatenate([table.y for table in tables if table.y is not None])
    encoding = learn(
        {name: column[known] for name, column in first.columns.items()},
        labels[: len(first)][known],
        first.dialect.decimal,
    )
    X = np.concatenate([encoding.apply(table) for table in tables])
    identifiers = np.concatenate([table.identifiers for table in tables])
    return encoding, Examples(
        encoding.features, identifiers, np.concatenate([table.as_of for table in tables]), X, labels
    )


def _split(data: Examples, train: Bools, test: Bools, timed: bool, folds: int) -> TrainTestSplit:
    """Folds forward in time if rows have one, else by identifier; none shares an identifier."""
    require_both_classes(data.y[train], "training")
    require_both_classes(data.y[test], "the untouched part")
    # A purge of one day: training rows end on the day before a block.
    if timed:
        forward = forward_folds(data, train, folds, purge_days=1, apart=True)
        split = TrainTestSplit(train, test, forward, rolling_origins(len(forward)))
    else:
        hashed = hashed_folds(data, train, folds)
        split = TrainTestSplit(train, test, hashed, f"{len(hashed)} folds of other identifiers")
    return require_folds(split)


def _evaluate(
    data: Examples, split: TrainTestSplit, task: Task, folder: Path, report: Report
) -> dict[str, CandidateEvaluation]:
    evaluations = {}
    for candidate in task.candidates:
        started = time.perf_counter()
        evaluation = evaluate_candidate(
            candidate, data, split=split, task=task, folder=folder / candidate.name
        )
        evaluations[candidate.name] = evaluation
        report(candidate.name, evaluation.train_rows, time.perf_counter() - started)
    return evaluations


def _keep_only(folder: Path, chosen: str) -> None:
    """Moves the chosen candidate's files into `folder` itself and removes all others."""
    for file in (folder / chosen).iterdir():
        file.replace(folder / file.name)
    for candidate in folder.iterdir():
        if candidate.is_dir():
            shutil.rmtree(candidate)
