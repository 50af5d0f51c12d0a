"""The refit learns from every row, says so in its card, and is compared with the tested model."""

from pathlib import Path

import numpy as np
import pytest

from retention_assets.modeling.candidates.declared import candidate
from retention_assets.modeling.evaluation.baselines import EVERYBODY
from retention_assets.modeling.pipeline import fit_model
from retention_assets.modeling.promotion.comparison import compare, with_champion
from retention_assets.modeling.refit import (
    MAX_MEAN_DIFFERENCE,
    MIN_RANK_CORRELATION,
    Agreement,
    agreement_of,
    refit_recipe,
)
from retention_assets.training.task import churn_split
from retention_assets_tests.modeling.factories import churn, contacted, evaluate, examples
from serve.model.bundle import load_bundle

LOGISTIC = candidate("logistic_regression")
TASK = churn()
DATA = examples(customers=200, weeks=22)
SPLIT = churn_split(DATA, TASK)
TEST = DATA.take(SPLIT.test)


def test_refit_learns_from_all_rows_and_agrees(tmp_path: Path) -> None:
    tested = fit_model(LOGISTIC, DATA, SPLIT.train, TASK.seed).probabilities(TEST.X)
    refit = refit_recipe(
        LOGISTIC, DATA, test=TEST, tested=tested, task=TASK, folder=tmp_path / "refit"
    )
    card = load_bundle(tmp_path / "refit", refit.digest).card
    assert refit.rows == len(DATA) and refit.trained.folds == []
    assert card.trained_as_of == [str(DATA.as_of.min()), str(DATA.as_of.max())]
    assert card.test_as_of == [str(TEST.as_of.min()), str(TEST.as_of.max())] and card.refitted
    assert refit.agreement.is_close and refit.agreement.rank_correlation < 1


def test_all_figures_are_of_rows_without_contact(tmp_path: Path) -> None:
    """Candidate, baselines, champion and refit count rows by their weights."""
    data = contacted(DATA)
    evaluated = evaluate(LOGISTIC, data, tmp_path / "tested", TASK)
    test = data.take(SPLIT.test)
    comparison = compare(
        TASK,
        data,
        train=SPLIT.train,
        test=test,
        probabilities={LOGISTIC.name: evaluated.p},
        fold_scores={LOGISTIC.name: {"profit": 1.0, "profit_error": 0.0, "brier": 0.1}},
        chosen_on="folds",
    )
    comparison = with_champion(comparison, LOGISTIC, data, {})
    champion = comparison.champion
    assert champion is not None and champion.p == pytest.approx(evaluated.p)
    for scorer in (*comparison.candidates.values(), *comparison.baselines.values(), champion):
        assert scorer.w.tolist() == test.w.tolist()
    rate = DATA.y[SPLIT.train].mean()
    assert comparison.baselines[EVERYBODY.name].p == pytest.approx(rate, abs=0.02)
    assert evaluated.p.mean() == pytest.approx(DATA.y[SPLIT.test].mean(), abs=0.03)
    refit = refit_recipe(
        LOGISTIC, data, test=TEST, tested=evaluated.p, task=TASK, folder=tmp_path / "refit"
    )
    p = load_bundle(tmp_path / "refit", refit.digest).probabilities(DATA.X)
    assert p.mean() == pytest.approx(DATA.y.mean(), abs=0.03)
    assert data.y.mean() < DATA.y.mean() - 0.05


def test_same_rows_give_the_same_refit(tmp_path: Path) -> None:
    tested = np.full(len(TEST), 0.2)
    first, second = (
        refit_recipe(LOGISTIC, DATA, test=TEST, tested=tested, task=TASK, folder=tmp_path / name)
        for name in ("one", "two")
    )
    assert first.digest == second.digest and first.agreement == second.agreement


def test_agreement_is_of_ranks_and_of_the_mean() -> None:
    p = np.array([0.1, 0.2, 0.3, 0.4])
    pairs = {1.0: p**2, -1.0: p[::-1]}
    for correlation, other in pairs.items():
        agreement = agreement_of(other, p)
        assert agreement.rank_correlation == pytest.approx(correlation)
        assert agreement.mean_difference == pytest.approx(float((other - p).mean()))


def test_constant_agrees_with_no_ranking() -> None:
    p = np.array([0.1, 0.2, 0.3])
    assert not agreement_of(np.full(3, 0.2), p).is_close
    assert not agreement_of(p, np.full(3, 0.2)).is_close


@pytest.mark.parametrize(
    ("correlation", "difference", "close"),
    [
        (MIN_RANK_CORRELATION, MAX_MEAN_DIFFERENCE, True),
        (MIN_RANK_CORRELATION, -MAX_MEAN_DIFFERENCE, True),
        (MIN_RANK_CORRELATION - 0.01, 0.0, False),
        (1.0, MAX_MEAN_DIFFERENCE + 0.01, False),
        (1.0, -MAX_MEAN_DIFFERENCE - 0.01, False),
    ],
)
def test_limits_decide_what_is_close(correlation: float, difference: float, close: bool) -> None:
    agreement = Agreement(correlation, difference)
    assert agreement.is_close is close
    assert f"at least {MIN_RANK_CORRELATION}" in agreement.reason
