"""Metrics match scikit-learn or a manual calculation; a weight equals copies of a row."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from retention_assets.modeling.evaluation.metrics import Confusion, Evaluation
from retention_assets.modeling.utility import ContactUtility

UTILITY = ContactUtility(contact_cost=8, saved_margin=120, save_rate=0.25, capacity_share=0.2)


@pytest.mark.parametrize("ties", [False, True])
def test_ranking_and_loss_match_scikit_learn(ties: bool) -> None:
    rng = np.random.default_rng(3)
    p = rng.random(500)
    p = np.round(p, 1) if ties else p
    y = (rng.random(500) < p).astype(np.int8)
    point = Evaluation(y, p, UTILITY).point()
    assert point["auc"] == pytest.approx(roc_auc_score(y, p))
    assert point["average_precision"] == pytest.approx(average_precision_score(y, p))
    assert point["brier"] == pytest.approx(brier_score_loss(y, p))
    assert point["log_loss"] == pytest.approx(log_loss(y, np.clip(p, 1e-15, 1 - 1e-15)))
    assert point["base_rate"] == pytest.approx(y.mean())


def test_profit_is_saved_margin_less_contact_cost() -> None:
    # Capacity is two of ten: the .9 (a churner) and the .8 (a stayer) bring 1 x .25 x 120 - 2 x 8.
    p = np.array([0.9, 0.8, 0.7, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    y = np.array([1, 0, 1, 0, 0, 0, 0, 0, 0, 0], dtype=np.int8)
    assert Evaluation(y, p, UTILITY).point()["profit"] == pytest.approx(14 / 10 * 1000)


def test_churners_out_of_reach_cost_and_bring_nothing() -> None:
    """As those who leave before a contact can come; they are churners for every other figure."""
    p = np.array([0.9, 0.8, 0.7, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    y = np.array([1, 1, 1, 0, 0, 0, 0, 0, 0, 0], dtype=np.int8)
    reachable = np.array([0, 1, 1, 0, 0, 0, 0, 0, 0, 0], dtype=np.int8)
    point = Evaluation(y, p, UTILITY, reachable=reachable).point()
    everybody = Evaluation(y, p, UTILITY).point()
    assert everybody["profit"] - point["profit"] == pytest.approx(0.25 * 120 / 10 * 1000)
    assert point | {"profit": 0} == everybody | {"profit": 0}


def test_customers_below_break_even_are_not_contacted() -> None:
    p = np.full(10, UTILITY.breakeven - 0.01)
    assert Evaluation(np.ones(10, dtype=np.int8), p, UTILITY).point()["profit"] == 0.0


def test_weight_of_two_equals_two_copies() -> None:
    rng = np.random.default_rng(5)
    p = rng.random(200)
    y = (rng.random(200) < p).astype(np.int8)
    reachable = y * (rng.random(200) < 0.7)
    weights = rng.integers(1, 4, 200)
    copies = np.repeat(np.arange(200), weights)
    weights = weights.astype(np.float64)
    drawn = (
        Evaluation(y, p, UTILITY, reachable=reachable)
        .by_entity(np.arange(200), 200)
        .at(weights[:, None])
    )
    weighted = Evaluation(y, p, UTILITY, reachable=reachable, weights=weights).point()
    copied = Evaluation(y[copies], p[copies], UTILITY, reachable=reachable[copies]).point()
    for figure in ("auc", "average_precision", "brier", "base_rate", "profit", "lift"):
        assert drawn[figure][0] == pytest.approx(copied[figure]), figure
        assert weighted[figure] == pytest.approx(copied[figure]), figure
    table = Confusion.of(y, p, 0.5, weights)
    assert table.rates() == pytest.approx(Confusion.of(y[copies], p[copies], 0.5).rates())


def test_row_without_weight_counts_for_nothing() -> None:
    rng = np.random.default_rng(6)
    p = rng.random(300)
    y = (rng.random(300) < p).astype(np.int8)
    kept = rng.random(300) < 0.8
    weighted = Evaluation(y, p, UTILITY, weights=kept.astype(np.float64)).point()
    rest = Evaluation(y[kept], p[kept], UTILITY).point()
    for figure in ("auc", "average_precision", "brier", "log_loss", "mean_error", "profit"):
        assert weighted[figure] == pytest.approx(rest[figure]), figure


def test_calibration_error_is_that_of_weighted_rates() -> None:
    """One in four is positive; by the weights it is one in two."""
    y = np.tile(np.array([1, 0, 0, 0], dtype=np.int8), 250)
    weights = np.where(y > 0, 3.0, 1.0)
    point = Evaluation(y, np.full(1000, 0.5), UTILITY, weights=weights).point()
    assert point["base_rate"] == pytest.approx(0.5)
    assert (point["ece"], point["mean_error"]) == pytest.approx((0, 0), abs=1e-12)


def test_confusion_table_counts_every_row_once() -> None:
    table = Confusion.of(
        np.array([1, 1, 0, 0, 0], dtype=np.int8), np.array([0.9, 0.2, 0.7, 0.1, 0.3]), 0.5
    )
    assert (table.tp, table.fp, table.fn, table.tn) == (1, 1, 1, 2)
    assert table.rates() == {
        "base_rate": 0.4,
        "precision": 0.5,
        "recall": 0.5,
        "false_positive_rate": pytest.approx(1 / 3),
    }


def test_calibration_error_is_distance_from_observed_rates() -> None:
    y = np.tile(np.array([1, 0, 0, 0], dtype=np.int8), 250)
    assert Evaluation(y, np.full(1000, 0.25), UTILITY).point()["ece"] == pytest.approx(
        0.0, abs=1e-12
    )
    assert Evaluation(y, np.full(1000, 0.40), UTILITY).point()["ece"] == pytest.approx(0.15)


def test_calibration_errors_of_known_misses() -> None:
    """Ten bins: five are 10 points too high, five 10 points too low."""
    p = np.repeat(np.linspace(0.2, 0.65, 10), 200)
    rate = p + np.repeat([-0.1, 0.1], 1000)
    y = (np.tile(np.arange(200), 10) < np.round(rate * 200)).astype(np.int8)
    point = Evaluation(y, p, UTILITY).point()
    assert point["mean_error"] == pytest.approx(0.0, abs=1e-12)
    assert point["squared_calibration_error"] == pytest.approx(0.01)
    assert point["ece"] == pytest.approx(0.1)
