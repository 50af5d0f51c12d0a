"""Figures by week and by slice, and the rank correlation of two scores."""

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import brier_score_loss, roc_auc_score

from retention_assets.modeling.evaluation.stability import (
    figures_by_period,
    figures_by_slice,
    rank_correlation,
)
from retention_assets_tests.modeling.factories import UTILITY, examples

ROWS = examples(customers=120, weeks=3)
P = np.random.default_rng(3).random(len(ROWS)) * 0.5 + 0.4 * ROWS.y


def test_each_week_has_its_own_figures() -> None:
    weeks = figures_by_period(ROWS, P, UTILITY)
    assert [week["as_of"] for week in weeks] == ["2024-02-05", "2024-02-12", "2024-02-19"]
    for week in weeks:
        part = ROWS.as_of == np.datetime64(week["as_of"])
        assert week["rows"] == 120
        assert week["base_rate"] == pytest.approx(ROWS.y[part].mean())
        assert week["auc"] == pytest.approx(roc_auc_score(ROWS.y[part], P[part]))
        assert week["brier"] == pytest.approx(brier_score_loss(ROWS.y[part], P[part]))
        assert week["mean_error"] == pytest.approx((P[part] - ROWS.y[part]).mean())


def test_week_without_positives_has_no_ranking_figure() -> None:
    stayers = ROWS.take(ROWS.y == 0)
    week, *_ = figures_by_period(stayers, P[ROWS.y == 0], UTILITY)
    assert (week["auc"], week["average_precision"], week["base_rate"]) == (None, None, 0.0)
    assert week["brier"] > 0


def test_worst_slice_comes_first() -> None:
    basic = ROWS.X[:, 3] == 1
    p = np.where(basic, 1 - P, P)  # turned around for one plan
    slices = {"others": ~basic, "plan_basic": basic}
    first, second = figures_by_slice(ROWS, p, slices, UTILITY)
    assert (first["slice"], second["slice"]) == ("plan_basic", "others")
    assert first["rows"] + second["rows"] == len(ROWS)
    assert first["auc"] == pytest.approx(roc_auc_score(ROWS.y[basic], p[basic]))


def test_rank_correlation_is_spearmans_with_ties() -> None:
    other = np.round(P, 1)
    expected = spearmanr(P, other)[0]
    assert rank_correlation(P, other) == pytest.approx(expected)
    assert rank_correlation(P, -P) == -1.0
    assert rank_correlation(P, P**3) == 1.0
    assert rank_correlation(P, np.ones(len(P))) is None
