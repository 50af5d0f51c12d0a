"""Batch scores equal the scorer's own; customers who have lapsed or left have none."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from retention_assets.decisions.scores import COLUMNS, LEVELS, level_shares, score_rows
from retention_assets.features.vectors import Vectors
from retention_assets_tests.serve import bundles
from serve.model.bundle import load_bundle
from serve.model.scorer import Scorer
from serve.states import ACTIVE, LAPSED, LEFT, RETURNED

# Recency, engagement and tickets of a customer at each level of risk.
MATRIX = np.array([[0.0, 1.0, 0.0], [30.0, 0.5, 1.0], [40.0, 0.5, 1.0], [90.0, 0.1, 3.0]])
IDS = ["loyal", "usual", "quiet", "cold"]
VECTORS = Vectors(
    IDS,
    [ACTIVE, ACTIVE, RETURNED, ACTIVE],
    ["champions", "regulars", "won_back", None],
    date(2024, 3, 4),
    bundles.FEATURES,
    MATRIX,
    [],
)


@pytest.fixture
def scorer(tmp_path: Path) -> Scorer:
    return load_bundle(tmp_path / "model", bundles.logistic(tmp_path / "model"))


def test_batch_row_equals_the_customers_single_score(scorer: Scorer) -> None:
    rows = score_rows(scorer, VECTORS, "7")
    assert [row["customer_id"] for row in rows] == VECTORS.ids
    for row, vector in zip(rows, MATRIX, strict=True):
        alone = scorer.score(vector)
        assert row["churn_probability"] == pytest.approx(alone.probability, abs=1e-12)
        assert (row["churn_prediction"], row["risk_level"]) == (alone.prediction, alone.risk_level)
        assert row["recommended_actions"] == alone.actions and row["reasons"] == [
            vars(reason) for reason in alone.reasons
        ]
        assert (row["model_version"], row["model_digest"], row["features_as_of"]) == (
            "7",
            scorer.digest,
            VECTORS.as_of,
        )
    assert [row["risk_level"] for row in rows] == list(LEVELS)
    assert [row["segment"] for row in rows] == VECTORS.segments


@pytest.mark.parametrize(
    ("state", "actions"), [(LEFT, []), (LAPSED, ["Win-back offer with discount"])]
)
def test_customer_who_cannot_leave_has_no_score(
    scorer: Scorer, state: str, actions: list[str]
) -> None:
    before = score_rows(scorer, VECTORS, "7")
    after = score_rows(scorer, replace(VECTORS, states=[state, ACTIVE, RETURNED, ACTIVE]), "7")
    (row, *others) = after
    assert others == before[1:]
    assert row.keys() == before[0].keys() == {name for name, *_ in COLUMNS}
    assert (row["customer_state"], row["segment"], row["recommended_actions"]) == (
        state,
        "champions",
        actions,
    )
    risk = ("churn_probability", "churn_prediction", "risk_level", "confidence_score")
    assert [row[name] for name in risk] == [None] * 4 and row["reasons"] == []


@pytest.mark.parametrize(
    ("levels", "shares"),
    [
        ([], [0.0, 0.0, 0.0, 0.0]),
        (["HIGH"], [0.0, 0.0, 1.0, 0.0]),
        (["LOW", "LOW", "CRITICAL", "MEDIUM"], [0.5, 0.25, 0.0, 0.25]),
    ],
)
def test_level_shares_include_every_level(levels: list[str], shares: list[float]) -> None:
    assert level_shares([{"risk_level": level} for level in levels]) == dict(
        zip(LEVELS, shares, strict=True)
    )
