"""A search keeps the declared parameters unless its folds know better, and resumes after a kill."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retention_assets.errors import NotTrainableError
from retention_assets.modeling.candidates.declared import CANDIDATES, Candidate, candidate
from retention_assets.modeling.candidates.rows import FitRows, Fitted
from retention_assets.modeling.candidates.space import Choice, Range
from retention_assets.modeling.pipeline import evaluate_fold
from retention_assets.modeling.search import COMPLETED, FAILED, PRUNED, search
from retention_assets.modeling.splits import forward_split
from retention_assets.modeling.task import SearchBudget
from retention_assets_tests.modeling.factories import churn, examples

LOGISTIC = candidate("logistic_regression")
DATA = examples(customers=250, weeks=20)
SPLIT = forward_split(DATA, test_periods=3, folds=2, purge_days=35)
TASK = replace(churn(seed=7), search=SearchBudget(trials=8, seconds=600, rows=100_000))
MEANINGLESS = DATA.features.index("total_revenue")


class Killed(BaseException):
    """Ends the process, as far as the search can see."""


def misled() -> tuple[Candidate, list[float]]:
    """A logistic regression that trusts a feature of no meaning the more, the further `x` is from
    .5; and the `x` of each fit.
    """
    values: list[float] = []

    def fit(rows: FitRows, params: Mapping[str, Any], seed: int) -> Fitted:
        values.append(params["x"])
        fitted = LOGISTIC.fit(rows, LOGISTIC.params, seed)
        content = json.loads(fitted.model)
        content["coef"][MEANINGLESS] += 3 * abs(params["x"] - 0.5)
        return replace(fitted, model=json.dumps(content).encode())

    declared = Candidate(
        "misled", "logistic_regression", fit, params={"x": 0.0, "kept": 3}, space={"x": Range(0, 1)}
    )
    return declared, values


def test_search_finds_better_parameters_than_declared(tmp_path: Path) -> None:
    declared, values = misled()
    result = search(declared, DATA, SPLIT.folds, TASK, journal=tmp_path / "search.log")
    assert len(result.trials) == 8 and not result.out_of_time
    assert result.trials[0].params == {"x": 0.0, "kept": 3} and values[0] == 0.0
    assert 0.1 < result.best.params["x"] < 0.9 and result.best.params["kept"] == 3
    best = min(t.log_loss for t in result.trials if t.outcome == COMPLETED)
    assert result.figures["search_best_log_loss"] == best
    assert best < result.figures["search_declared_log_loss"] - 0.01


def test_smaller_budget_gives_its_own_result(tmp_path: Path) -> None:
    """Also where the journal has the trials of a larger one."""
    declared, _ = misled()
    small = replace(TASK, search=replace(TASK.search, trials=3))
    search(declared, DATA, SPLIT.folds, TASK, journal=tmp_path / "large.log")
    after, alone = (
        search(declared, DATA, SPLIT.folds, small, journal=tmp_path / f"{name}.log")
        for name in ("large", "small")
    )
    assert after.best.params == alone.best.params and len(after.trials) == len(alone.trials) == 3


def test_declared_parameters_stay_where_none_is_better(tmp_path: Path) -> None:
    """Also where another is better by no more than noise: here the tenth digit of C."""
    declared, _ = misled()
    worse = replace(declared, params={"x": 0.5, "kept": 3}, space={"x": Range(0.5, 1)})
    same = replace(LOGISTIC, space={"C": Range(0.1, 0.1000000001)})
    for name, item in (("worse", worse), ("same", same)):
        result = search(item, DATA, SPLIT.folds, TASK, journal=tmp_path / f"{name}.log")
        assert len(result.trials) == 8 and result.best.params == item.params


def test_trials_have_parameters_of_their_own(tmp_path: Path) -> None:
    """A set that is better only with these is not taken: all rows decide with the declared ones."""
    declared, values = misled()
    fits: list[Mapping[str, Any]] = []

    def quick(rows: FitRows, params: Mapping[str, Any], seed: int) -> Fitted:
        fits.append(params)
        turned = params if params["trees"] == 5 else {"x": 0.5}
        return declared.fit(rows, turned, seed)

    params = {"x": 0.0, "trees": 200}
    item = replace(declared, fit=quick, params=params, trial_params={"trees": 5})
    result = search(item, DATA, SPLIT.folds, TASK, journal=tmp_path / "search.log")
    best = min(trial.log_loss for trial in result.trials if trial.outcome == COMPLETED)
    assert best < result.trials[0].log_loss - 0.01 and result.best.params == params
    trees = [fit["trees"] for fit in fits]
    assert set(trees[:-4]) == {5} and trees[-4:] == [200] * 4
    assert [fit["x"] for fit in fits[-4:]] != [0.0] * 4 and len(values) == len(fits)


def test_log_loss_of_a_trial_is_that_of_the_folds(tmp_path: Path) -> None:
    """On all rows, if they are fewer than the budget allows."""
    declared, _ = misled()
    result = search(declared, DATA, SPLIT.folds, TASK, journal=tmp_path / "search.log")
    folds = [evaluate_fold(declared, DATA, fold, TASK) for fold in SPLIT.folds]
    expected = np.average([f["log_loss"] for f in folds], weights=[f["rows"] for f in folds])
    assert result.trials[0].log_loss == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("killed_after", [1, 8, 11])
def test_killed_search_resumes_with_equal_result(tmp_path: Path, killed_after: int) -> None:
    declared, _ = misled()
    whole = search(declared, DATA, SPLIT.folds, TASK, journal=tmp_path / "whole.log")
    fits = []

    def dying(rows: FitRows, params: Mapping[str, Any], seed: int) -> Fitted:
        fits.append(params["x"])
        if len(fits) == killed_after:
            raise Killed
        return declared.fit(rows, params, seed)

    journal = tmp_path / "resumed.log"
    with pytest.raises(Killed):
        search(replace(declared, fit=dying), DATA, SPLIT.folds, TASK, journal=journal)
    resumed = search(replace(declared, fit=dying), DATA, SPLIT.folds, TASK, journal=journal)
    shown = [(trial.params, trial.outcome, trial.log_loss) for trial in whole.trials]
    assert [(trial.params, trial.outcome, trial.log_loss) for trial in resumed.trials] == shown
    assert resumed.best.params == whole.best.params
    count = len(fits)
    search(replace(declared, fit=dying), DATA, SPLIT.folds, TASK, journal=journal)
    assert len(fits) == count


def test_other_examples_begin_a_new_search(tmp_path: Path) -> None:
    declared, values = misled()
    journal = tmp_path / "search.log"
    search(declared, DATA, SPLIT.folds, TASK, journal=journal)
    count = len(values)
    other = DATA.take(np.arange(len(DATA)))
    other.y[0] = 1 - other.y[0]
    search(declared, other, SPLIT.folds, TASK, journal=journal)
    assert len(values) >= 2 * count - 4


def test_hopeless_trials_stop_after_their_first_fold(tmp_path: Path) -> None:
    declared, values = misled()
    task = replace(TASK, search=replace(TASK.search, trials=16))
    result = search(declared, DATA, SPLIT.folds, task, journal=tmp_path / "search.log")
    pruned = [trial for trial in result.trials if trial.outcome == PRUNED]
    assert pruned and result.best.params not in [trial.params for trial in pruned]
    assert len(values) == 2 * 16 - len(pruned)


def test_time_limit_ends_search_and_is_recorded(tmp_path: Path) -> None:
    declared, _ = misled()
    task = replace(TASK, search=replace(TASK.search, seconds=1e-6))
    result = search(declared, DATA, SPLIT.folds, task, journal=tmp_path / "search.log")
    assert len(result.trials) == 1 and result.out_of_time
    assert result.best.params == declared.params


def test_rows_of_a_trial_are_limited_by_entity(tmp_path: Path) -> None:
    sizes = []

    def fit(rows: FitRows, params: Mapping[str, Any], seed: int) -> Fitted:
        sizes.append(len(rows.y))
        return LOGISTIC.fit(rows, params, seed)

    task = replace(TASK, search=replace(TASK.search, rows=1000, trials=2))
    search(replace(LOGISTIC, fit=fit), DATA, SPLIT.folds, task, journal=tmp_path / "search.log")
    assert 700 < max(sizes) < 1300 < max(fold.train.sum() for fold in SPLIT.folds)


def test_sample_keeps_rows_of_both_labels(tmp_path: Path) -> None:
    """With forty positives in the first fold, a tenth of its customers would be too few."""
    rare = DATA.take(np.arange(len(DATA)))
    positives = np.flatnonzero(rare.y & SPLIT.folds[0].train)
    rare.y[positives[40:]] = 0
    sizes = []

    def fit(rows: FitRows, params: Mapping[str, Any], seed: int) -> Fitted:
        sizes.append(len(rows.y))
        return LOGISTIC.fit(rows, params, seed)

    task = replace(TASK, search=replace(TASK.search, rows=300, trials=2))
    search(replace(LOGISTIC, fit=fit), rare, SPLIT.folds, task, journal=tmp_path / "search.log")
    assert sizes[:2] == [fold.train.sum() for fold in SPLIT.folds]


def test_what_wins_on_few_rows_must_win_on_all(tmp_path: Path) -> None:
    """A candidate that is good at C 1 on few rows, and at the declared C .1 on many."""

    def fit(rows: FitRows, params: Mapping[str, Any], seed: int) -> Fitted:
        is_wrong = (len(rows.y) > 950) == (params["C"] > 0.2)
        fitted = LOGISTIC.fit(rows, LOGISTIC.params, seed)
        content = json.loads(fitted.model)
        content["coef"][MEANINGLESS] += 3.0 * is_wrong
        return replace(fitted, model=json.dumps(content).encode())

    task = replace(TASK, search=replace(TASK.search, rows=900))
    two_sided = replace(LOGISTIC, fit=fit)
    result = search(two_sided, DATA, SPLIT.folds, task, journal=tmp_path / "search.log")
    assert min(result.trials, key=lambda trial: trial.log_loss).params["C"] > 0.2
    assert result.best is two_sided and not result.figures["search_changed_parameters"]


def test_parameters_that_cannot_be_fitted_are_left_out(tmp_path: Path) -> None:
    def fit(rows: FitRows, params: Mapping[str, Any], seed: int) -> Fitted:
        if params["C"] != LOGISTIC.params["C"]:
            raise NotTrainableError("Not with this C.", "Take another.")
        return LOGISTIC.fit(rows, params, seed)

    result = search(
        replace(LOGISTIC, fit=fit), DATA, SPLIT.folds, TASK, journal=tmp_path / "search.log"
    )
    assert [trial.outcome for trial in result.trials] == [COMPLETED, *[FAILED] * 7]
    assert result.best.params == LOGISTIC.params
    untrainable = replace(LOGISTIC, fit=fit, params={"C": 0.2})
    for _ in range(2):
        with pytest.raises(NotTrainableError, match="Not with this C"):
            search(untrainable, DATA, SPLIT.folds, TASK, journal=tmp_path / "other.log")


def test_choices_have_values_of_any_type(tmp_path: Path) -> None:
    layers = []

    def fit(rows: FitRows, params: Mapping[str, Any], seed: int) -> Fitted:
        layers.append(params["layers"])
        return LOGISTIC.fit(rows, LOGISTIC.params, seed)

    space = {"layers": Choice(((8,), (16, 8)))}
    declared = replace(LOGISTIC, fit=fit, params={"layers": (16, 8)}, space=space)
    result = search(declared, DATA, SPLIT.folds, TASK, journal=tmp_path / "search.log")
    assert layers[0] == (16, 8) and set(layers) == {(8,), (16, 8)}
    assert result.best.params == {"layers": (16, 8)}


@pytest.mark.parametrize("declared", CANDIDATES, ids=lambda item: item.name)
def test_declared_parameters_lie_in_their_space(declared: Candidate) -> None:
    assert declared.space
    for name, tried in declared.space.items():
        value = declared.params[name]
        if isinstance(tried, Choice):
            assert value in tried.options
        else:
            assert tried.low <= value <= tried.high


def test_no_search_without_trials_or_space(tmp_path: Path) -> None:
    journal = tmp_path / "search.log"
    for declared, task in (
        (LOGISTIC, replace(TASK, search=replace(TASK.search, trials=1))),
        (replace(LOGISTIC, space={}), TASK),
    ):
        result = search(declared, DATA, SPLIT.folds, task, journal=journal)
        assert result.best is declared and not result.trials and not result.figures
    assert not journal.exists()
