"""When a period tests a challenger: once against a champion, again only without one, at a price."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from retention_assets.modeling.evaluation.baselines import EVERYBODY, NOBODY
from retention_assets.modeling.evaluation.metrics import Evaluation
from retention_assets.modeling.examples import Examples
from retention_assets.modeling.promotion.comparison import Comparison
from retention_assets.modeling.promotion.decision import PromotionDecision
from retention_assets.modeling.promotion.period_decision import decide_on_period
from retention_assets.modeling.promotion.periods import SpentPeriod, same_test, tries_before
from retention_assets.modeling.task import Task
from retention_assets_tests.modeling.factories import FEATURES, UTILITY, churn, examples
from retention_assets_tests.serve import bundles
from serve.model.card import Card
from serve.model.scorer import Scorer

TASK = churn(bootstrap_rounds=100, seed=1, max_predict_ratio=1000)
DATA = examples(customers=150, weeks=8)
WEEKS = np.unique(DATA.as_of)


def scorer(digest: str) -> Scorer:
    card = Card.model_validate(bundles.card(features=list(FEATURES)))
    return Scorer(card, lambda matrix: np.full(len(matrix), 0.5), digest=digest)


def rows(first: int) -> Examples:
    """Three weeks from this one on."""
    return DATA.take(np.isin(DATA.as_of, WEEKS[first : first + 3]))


def decide(
    first: int, challenger: str, champion: str, spent: list[SpentPeriod], task: Task = TASK
) -> tuple[PromotionDecision, SpentPeriod | None]:
    """A perfect challenger, tested by three weeks, against a champion that guesses."""
    test = rows(first)
    y = test.y
    knowing = Evaluation(y, np.where(y > 0, 0.97, 0.03), UTILITY)
    guessing = Evaluation(y, np.random.default_rng(1).permutation(knowing.p), UTILITY)
    comparison = Comparison(
        task=task,
        test=test,
        candidates={"model": knowing},
        baselines={
            NOBODY.name: Evaluation(y, np.zeros(len(y)), UTILITY),
            EVERYBODY.name: Evaluation(y, np.full(len(y), y.mean()), UTILITY, "random"),
        },
        fold_scores={"model": {"profit": 10.0, "profit_error": 0.0, "brier": 0.1}},
        chosen_on="two folds",
        champion=guessing if champion else None,
    )
    return decide_on_period(
        comparison,
        scorer(f"of {challenger}"),
        recipe=challenger,
        has_signature=True,
        champion=champion,
        labels_through=date(2024, 6, 3),
        spent=spent,
    )


def spent_by(first: int, challenger: str, champion: str = "") -> SpentPeriod:
    _, period = decide(first, challenger, champion, [])
    assert period is not None
    return period


def test_test_spends_its_weeks() -> None:
    decision, period = decide(2, "new", "", [])
    assert decision.promoted and period is not None
    assert (period.first_as_of, period.last_as_of) == (
        WEEKS[2].astype(object),
        WEEKS[4].astype(object),
    )
    assert (period.challenger, period.champion, period.try_number) == ("new", "", 1)
    assert period.promoted and period.reason == decision.reason
    assert period.gate_results == decision.gates


@pytest.mark.parametrize(("first", "is_open"), [(2, False), (3, False), (4, False), (5, True)])
def test_next_period_opens_with_enough_new_weeks(first: int, is_open: bool) -> None:
    """Weeks 2 to 4 are spent; with a champion, weeks 5 to 7 are the next to test."""
    spent = [spent_by(2, "champion")]
    decision, period = decide(first, "new", "champion", spent)
    assert decision.promoted is is_open and (period is not None) is is_open
    if not is_open:
        assert "model is not tested yet" in decision.reason
        assert "opens with 3 as-of dates after 2024-03-04" in decision.reason
        assert decision.gates == spent[0].gate_results


def test_same_test_is_no_new_try() -> None:
    spent = [spent_by(2, "new", "champion")]
    decision, period = decide(2, "new", "champion", spent)
    assert period is None and decision.promoted
    assert decision.reason == spent[0].reason and decision.gates == spent[0].gate_results


def test_changed_demand_is_a_new_try_without_champion() -> None:
    spent = [spent_by(2, "new")]
    for champion, tested in (("", True), ("champion", False)):
        stricter = replace(TASK, calibration_tolerance=0.02)
        _, period = decide(2, "new", champion, spent, stricter)
        assert (period is not None) is tested
        if period:
            assert period.try_number == 2


def test_recipe_of_the_champion_is_not_tested() -> None:
    for spent in ([], [spent_by(2, "new")]):
        decision, period = decide(5, "new", "new", spent)
        assert period is None and not decision.promoted
        assert "the champion's own, model: it stays" in decision.reason


def test_tries_without_champion_are_counted_and_cost() -> None:
    """Weeks that share one with a spent period have been looked at."""
    spent = [spent_by(2, "first")]
    decision, period = decide(4, "second", "", spent)
    assert period is not None and period.try_number == 2
    width = {
        number: _profit_width(result)
        for number, result in ((1, decide(4, "second", "", [])[0]), (2, decision))
    }
    assert width[2] > width[1]
    _, third = decide(5, "second", "", spent)
    assert third is not None and third.try_number == 1


def _profit_width(decision: PromotionDecision) -> float:
    gate = next(gate for gate in decision.gates if gate.name == "better_than_trivial_baselines")
    assert gate.high is not None and gate.low is not None
    return gate.high - gate.low


def test_overlap_counts_weeks_in_common() -> None:
    period = spent_by(2, "first")
    assert [tries_before([period], rows(first)) for first in (0, 2, 4, 5)] == [1, 1, 1, 0]
    assert same_test([period], rows(2), TASK, digest="of first", champion="") == period
    assert same_test([period], rows(2), TASK, digest="of first", champion="other") is None
    assert same_test([period], rows(2), TASK, digest="of second", champion="") is None
