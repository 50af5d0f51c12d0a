"""Training and promotion on a flat labeled table, with the candidates and gates of the graph.

The folds within the training rows choose the candidate, the untouched rows test it once, and its
recipe is then fitted again on all labeled rows. The untouched rows are a labeled second file, else
the last fifth by time, else a fifth of the identifiers. A second file is never trained on.
"""

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from retention_assets.modeling.evaluation.candidate_evaluation import (
    CandidateEvaluation,
    evaluate_candidate,
    fold_means,
)
from retention_assets.modeling.examples import Examples, Floats
from retention_assets.modeling.promotion.comparison import Comparison, compare
from retention_assets.modeling.promotion.decision import PromotionDecision, decide_promotion
from retention_assets.modeling.refit import Agreement, refit_recipe
from retention_assets.modeling.search import search
from retention_assets.modeling.splits import TrainTestSplit
from retention_assets.modeling.task import Task
from retention_assets.tabular.encoding.encoding import Encoding
from retention_assets.tabular.encoding.examples import EncodedRows
from retention_assets.tabular.split import Parts, parts_of, split_of
from retention_assets.tabular.table import FlatTable
from serve.model.bundle import load_bundle

REFIT = "refit"  # its folder beside those of the candidates, until one of them is kept
Report = Callable[[str, int, float], None]


@dataclass(frozen=True)
class WrittenModel:
    """The model in the folder. `agreement`: of the refit with the tested model; None: they are the
    same, as the tested model has learned from all labeled rows.
    """

    digest: str
    encoding: Encoding
    rows: int
    agreement: Agreement | None

    @property
    def is_refit(self) -> bool:
        return self.agreement is not None and self.agreement.is_close

    @property
    def sentence(self) -> str:
        """Which model it is, and why."""
        if self.agreement is None:
            return (
                f"The model is the tested one: it has learned from all {self.rows:,} labeled rows."
            )
        if self.is_refit:
            return (
                "The model is the tested recipe, fitted again on all "
                f"{self.rows:,} labeled rows. {self.agreement.reason}"
            )
        return (
            f"The model is the tested one, of {self.rows:,} rows: a fit on all labeled rows does "
            f"not agree with it. {self.agreement.reason}"
        )


@dataclass(frozen=True)
class TableResult:
    """The result of training on a table. `scored`: identifier and probability of each row.
    `base_rate_trained`: of the rows that the tested model has learned from.
    """

    parts: Parts
    split: TrainTestSplit
    comparison: Comparison
    evaluations: Mapping[str, CandidateEvaluation]
    decision: PromotionDecision
    model: WrittenModel
    scored: tuple[np.ndarray, Floats]
    base_rate_trained: float


def train_on_table(
    table: FlatTable, second: FlatTable | None, task: Task, folder: Path, report: Report
) -> TableResult:
    """Trains all candidates on `table`; scores `second`, or the untouched rows, with the best.

    `folder` becomes the model's folder. `report` is called after each fit with its name, training
    rows and seconds.
    """
    labeled = [item for item in (table, second) if item and item.y is not None]
    rows = EncodedRows(labeled)
    in_first = np.arange(len(rows.rows)) < len(table)
    parts = parts_of(
        rows.rows,
        ~in_first if len(labeled) > 1 else None,
        purge_days=purge_days(task),
        dated=all(item.days is not None for item in labeled),
        second_name=second.name if second else "",
    )
    split = split_of(rows.rows, parts, purge_days=purge_days(task), folds=task.folds)
    data = rows.examples(split.train)
    evaluations = _evaluate(data, split, task, folder, report)
    comparison = _compare(task, data, split, evaluations)
    chosen = evaluations[comparison.challenger]
    scorer = load_bundle(folder / comparison.challenger, chosen.digest)
    decision = decide_promotion(comparison, scorer, has_signature=True)
    model = _write_model(table, rows, chosen, split, task=task, folder=folder, report=report)
    if second is not None and second.y is None:
        final = load_bundle(folder, model.digest)
        scored = (second.identifiers, final.probabilities(model.encoding.apply(second)))
    else:
        scored = (chosen.test.entities, chosen.p)
    return TableResult(
        parts=parts,
        split=split,
        comparison=comparison,
        evaluations=evaluations,
        decision=decision,
        model=model,
        scored=scored,
        base_rate_trained=float(data.y[split.train].mean()),
    )


def purge_days(task: Task) -> int:
    """Without a stated label window: one day, so that training rows are earlier than the test."""
    return max(task.purge_days, 1)


def _evaluate(
    data: Examples, split: TrainTestSplit, task: Task, folder: Path, report: Report
) -> dict[str, CandidateEvaluation]:
    evaluations = {}
    for candidate in task.candidates:
        started = time.perf_counter()
        journal = folder.parent / f"search_{candidate.name}.log"
        best = search(candidate, data, split.folds, task, journal=journal).best
        evaluation = evaluate_candidate(
            best, data, split=split, task=task, folder=folder / candidate.name
        )
        evaluations[candidate.name] = evaluation
        report(candidate.name, evaluation.train_rows, time.perf_counter() - started)
    return evaluations


def _compare(
    task: Task,
    data: Examples,
    split: TrainTestSplit,
    evaluations: Mapping[str, CandidateEvaluation],
) -> Comparison:
    return compare(
        task,
        data,
        train=split.train,
        test=data.take(split.test),
        probabilities={name: evaluation.p for name, evaluation in evaluations.items()},
        fold_scores={name: fold_means(item.trained.folds) for name, item in evaluations.items()},
        chosen_on=split.chosen_on,
    )


def _write_model(
    table: FlatTable,
    rows: EncodedRows,
    tested: CandidateEvaluation,
    split: TrainTestSplit,
    *,
    task: Task,
    folder: Path,
    report: Report,
) -> WrittenModel:
    """The recipe fitted again on all rows of the table, where it agrees with the tested model; else
    the tested model. `rows`: those of all labeled tables.
    """
    candidate = tested.trained.model.candidate
    model = WrittenModel(tested.digest, rows.encoding(split.train), tested.train_rows, None)
    if tested.train_rows == len(table):
        _keep_only(folder, candidate.name)
        return model
    started = time.perf_counter()
    in_table = np.arange(len(rows.rows)) < len(table)
    refit = refit_recipe(
        candidate,
        EncodedRows([table]).examples(np.ones(len(table), dtype=bool)),
        test=rows.examples(in_table).take(split.test),
        tested=tested.p,
        task=task,
        folder=folder / REFIT,
    )
    report(REFIT, refit.rows, time.perf_counter() - started)
    if refit.agreement.is_close:
        model = WrittenModel(refit.digest, rows.encoding(in_table), refit.rows, None)
    _keep_only(folder, REFIT if refit.agreement.is_close else candidate.name)
    return replace(model, agreement=refit.agreement)


def _keep_only(folder: Path, chosen: str) -> None:
    """Moves the files of the chosen model into `folder` itself and removes all others."""
    for file in (folder / chosen).iterdir():
        file.replace(folder / file.name)
    for candidate in folder.iterdir():
        if candidate.is_dir():
            shutil.rmtree(candidate)
