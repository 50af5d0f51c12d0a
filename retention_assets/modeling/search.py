"""Searches a candidate's parameters on the folds that choose between candidates.

The first trial has the declared parameters, which stay unless another trial is clearly better. The
untouched test is not an argument. Optuna's journal is the only file that is written.
"""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retention_assets.errors import NotTrainableError
from retention_assets.modeling.candidates.declared import Candidate
from retention_assets.modeling.candidates.space import Choice, Range, Space
from retention_assets.modeling.evaluation.candidate_evaluation import fold_means
from retention_assets.modeling.examples import Examples
from retention_assets.modeling.pipeline import evaluate_fold
from retention_assets.modeling.splits import Fold, PartSize, hash_share
from retention_assets.modeling.task import Task

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial
    from optuna.trial import Trial as OptunaTrial

Evaluate = Callable[[Candidate, Examples, Fold, Task], dict[str, float]]
# Trials before the sampler learns from them, and before a trial can be stopped early.
STARTUP_TRIALS = 5
# Share of the log loss by which a trial must beat the declared parameters. Less is noise of the
# folds, and a recipe that changes with it would be compared with itself in the next test.
MIN_IMPROVEMENT = 0.001
SAMPLE_SIZE = PartSize(rows=200, of_each_label=20)
COMPLETED = "completed"
PRUNED = "pruned"
FAILED = "failed"


@dataclass(frozen=True)
class Trial:
    """One set of parameters. `log_loss`: mean over the folds, with the candidate's `trial_params`;
    of a pruned trial, of its first folds; NaN where the parameters could not be fitted.
    """

    number: int
    params: Mapping[str, Any]
    outcome: str
    log_loss: float
    seconds: float


@dataclass(frozen=True)
class SearchResult:
    """The candidate with its best parameters, and all trials in order; none without a search.

    `out_of_time`: the limit in seconds ended the search before its number of trials did.
    """

    best: Candidate
    trials: tuple[Trial, ...]
    out_of_time: bool

    @property
    def figures(self) -> dict[str, float]:
        """What was searched, as numbers; empty without a search."""
        if not self.trials:
            return {}
        losses = [trial.log_loss for trial in self.trials if trial.outcome == COMPLETED]
        return {
            "search_trials": len(self.trials),
            "search_pruned": sum(trial.outcome == PRUNED for trial in self.trials),
            "search_s": sum(trial.seconds for trial in self.trials),
            "search_out_of_time": float(self.out_of_time),
            "search_declared_log_loss": losses[0],
            "search_best_log_loss": min(losses),
            "search_changed_parameters": float(self.best.params != self.trials[0].params),
        }


def search(
    candidate: Candidate,
    data: Examples,
    folds: Sequence[Fold],
    task: Task,
    *,
    journal: Path,
    evaluate: Evaluate = evaluate_fold,
) -> SearchResult:
    """Tries parameters of the candidate's space until the task's budget is used up.

    The best set of a sample, or of trials with other parameters than the final model's, must also
    beat the declared one on all rows of the folds: few rows ask for simpler models than many do. A
    search that was killed goes on where it ended: finished trials are in the `journal`, and a trial
    depends on the seed and the trials before it alone. Examples, folds or a space that have changed
    begin a new search. `evaluate`: `evaluate_fold`, here or elsewhere. Raises NotTrainableError if
    the declared parameters cannot be fitted.
    """
    budget = task.search
    if budget.trials < 2 or not candidate.space:
        return SearchResult(candidate, (), False)
    sampled = _sampled(data, folds, budget.rows)
    study = _study(journal, _identity(candidate, data, sampled, task))
    finished = _finished(study)
    while len(finished) < budget.trials and _seconds(finished) < budget.seconds:
        _run_trial(study, len(finished), candidate, data, sampled, task, evaluate)
        finished = _finished(study)
    # The journal may have more trials, of a larger budget.
    counted = finished[: budget.trials]
    trials = tuple(_shown(trial, number, candidate) for number, trial in enumerate(counted))
    completed = [trial for trial in trials if trial.outcome == COMPLETED]
    tried = min(completed, key=lambda trial: (trial.log_loss, trial.number))
    best = replace(candidate, params=tried.params)
    is_better = _is_better(tried.log_loss, trials[0].log_loss)
    is_sample = any(
        part.train.sum() < fold.train.sum() for part, fold in zip(sampled, folds, strict=True)
    )
    if is_better and (is_sample or candidate.trial_params):
        losses = (
            fold_means([evaluate(item, data, fold, task) for fold in folds])["log_loss"]
            for item in (best, candidate)
        )
        is_better = _is_better(*losses)
    out_of_time = len(trials) < budget.trials
    return SearchResult(best if is_better else candidate, trials, out_of_time)


def _is_better(log_loss: float, declared: float) -> bool:
    return log_loss <= declared * (1 - MIN_IMPROVEMENT)


def _sampled(data: Examples, folds: Sequence[Fold], rows: int) -> tuple[Fold, ...]:
    """The folds with so many entities that the largest has about `rows` rows to fit on; as they are
    if too few of either label would be left.
    """
    share = rows / max(int(fold.train.sum()) for fold in folds)
    kept = hash_share(data.entities, "search") < share
    sampled = tuple(Fold(fold.train & kept, fold.valid & kept) for fold in folds)
    parts = [part for fold in sampled for part in (fold.train, fold.valid)]
    is_enough = all(SAMPLE_SIZE.is_reached(data.labels_that_count(part)) for part in parts)
    return sampled if is_enough else tuple(folds)


def _identity(candidate: Candidate, data: Examples, folds: Sequence[Fold], task: Task) -> str:
    digest = hashlib.sha256(data.fingerprint.encode())
    declared = [dict(part) for part in (candidate.params, candidate.space, candidate.trial_params)]
    digest.update(repr((candidate.name, *declared)).encode())
    digest.update(str(task.seed).encode())
    for fold in folds:
        digest.update(fold.train.tobytes() + fold.valid.tobytes())
    return digest.hexdigest()[:16]


def _study(journal: Path, identity: str) -> "Study":
    """The study of this identity in the journal; a journal of another one is begun anew."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    journal.parent.mkdir(parents=True, exist_ok=True)
    storage = JournalStorage(JournalFileBackend(str(journal)))
    if any(study.study_name != identity for study in storage.get_all_studies()):
        journal.unlink()
        storage = JournalStorage(JournalFileBackend(str(journal)))
    study = optuna.create_study(
        storage=storage,
        study_name=identity,
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS),
    )
    for trial in study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.RUNNING]):
        # Its process was killed. It does not count, and is run again.
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    return study


def _finished(study: "Study") -> list["FrozenTrial"]:
    """Trials that count, in order: those that could not be fitted have a mark, killed ones none."""
    return [
        trial
        for trial in study.get_trials(deepcopy=False)
        if trial.state.name in ("COMPLETE", "PRUNED") or FAILED in trial.user_attrs
    ]


def _seconds(finished: Sequence["FrozenTrial"]) -> float:
    return sum(trial.duration.total_seconds() for trial in finished if trial.duration)


def _run_trial(
    study: "Study",
    number: int,
    candidate: Candidate,
    data: Examples,
    folds: Sequence[Fold],
    task: Task,
    evaluate: Evaluate,
) -> None:
    """One trial. Its draw depends on the seed and its number, so a resumed search repeats none."""
    from optuna.samplers import TPESampler
    from optuna.trial import TrialState

    study.sampler = TPESampler(
        n_startup_trials=STARTUP_TRIALS, multivariate=True, seed=task.seed + number
    )
    if number == 0:
        study.enqueue_trial(_declared(candidate))
    trial = study.ask()
    suggested = _suggested(trial, candidate.space)
    tried = replace(candidate, params={**candidate.params, **candidate.trial_params, **suggested})
    figures = []
    try:
        for step, fold in enumerate(folds):
            figures.append(evaluate(tried, data, fold, task))
            trial.report(fold_means(figures)["log_loss"], step)
            if trial.should_prune() and step + 1 < len(folds):
                study.tell(trial, state=TrialState.PRUNED)
                return
    except NotTrainableError:
        # Without the mark, the declared parameters are tried, and refused, again.
        if number:
            trial.set_user_attr(FAILED, True)
        study.tell(trial, state=TrialState.FAIL)
        if not number:
            raise
        return
    study.tell(trial, fold_means(figures)["log_loss"])


def _declared(candidate: Candidate) -> dict[str, Any]:
    """The declared parameters as the sampler names them."""
    return {
        name: tried.options.index(candidate.params[name])
        if isinstance(tried, Choice)
        else candidate.params[name]
        for name, tried in candidate.space.items()
    }


def _suggested(trial: "OptunaTrial", space: Space) -> dict[str, Any]:
    return {name: _value(_draw(trial, name, tried), tried) for name, tried in space.items()}


def _draw(trial: "OptunaTrial", name: str, tried: Range | Choice) -> Any:
    if isinstance(tried, Choice):
        return trial.suggest_categorical(name, tuple(range(len(tried.options))))
    if tried.whole:
        return trial.suggest_int(name, int(tried.low), int(tried.high), log=tried.log)
    return trial.suggest_float(name, tried.low, tried.high, log=tried.log)


def _value(drawn: Any, tried: Range | Choice) -> Any:
    """The parameter's value: of a choice, its option at the drawn place."""
    return tried.options[drawn] if isinstance(tried, Choice) else drawn


def _shown(trial: "FrozenTrial", number: int, candidate: Candidate) -> Trial:
    params = {name: _value(drawn, candidate.space[name]) for name, drawn in trial.params.items()}
    losses = list(trial.intermediate_values.values())
    outcome = {"COMPLETE": COMPLETED, "PRUNED": PRUNED}.get(trial.state.name, FAILED)
    seconds = trial.duration.total_seconds() if trial.duration else 0.0
    return Trial(
        number,
        {**candidate.params, **params},
        outcome,
        losses[-1] if losses and outcome != FAILED else math.nan,
        seconds,
    )
