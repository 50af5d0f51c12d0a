"""Comparisons use exactly the scored rows; baselines use labels closed before the test."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention_assets.errors import NotTrainableError
from retention_assets.modeling.candidates.declared import CANDIDATES
from retention_assets.modeling.evaluation.baselines import EVERYBODY, NOBODY
from retention_assets.modeling.evaluation.metrics import Evaluation
from retention_assets.modeling.examples import Examples
from retention_assets.modeling.promotion.comparison import Comparison, aligned
from retention_assets.modeling.promotion.evidence import CHAMPION
from retention_assets.training.task import churn_examples, compare_candidates
from retention_assets_tests.modeling.factories import UTILITY, as_table, churn, examples

TASK = churn(bootstrap_rounds=100)
PURGE = np.timedelta64(TASK.purge_days, "D")
DATA = examples(customers=30, weeks=16)
LAST = np.unique(DATA.as_of)[-2:]
TEST = DATA.take(np.isin(DATA.as_of, LAST))
NUMBERED = np.arange(len(TEST), dtype=np.float64)


def aligned_table(test: Examples, table: pa.Table, name: str) -> np.ndarray:
    entities = table["customer_id"].to_numpy().astype(str)
    as_of = table["as_of"].to_numpy().astype("datetime64[D]")
    return aligned(test, entities, as_of, table["probability"].to_numpy(), name)


def scored(rows: Examples, p: np.ndarray) -> pa.Table:
    """Test scores as a candidate's table holds them."""
    return pa.table(
        {"customer_id": pa.array(rows.entities), "as_of": pa.array(rows.as_of), "probability": p}
    )


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False))
def test_aligned_restores_test_row_order(random) -> None:
    order = random.sample(range(len(TEST)), len(TEST))
    assert (
        aligned_table(TEST, scored(TEST, NUMBERED).take(order), "xgboost").tolist()
        == NUMBERED.tolist()
    )


OTHER_ROWS: dict[str, Callable[[pa.Table], pa.Table]] = {
    "none": lambda table: table.slice(0, 0),
    "one too many": lambda table: pa.concat_tables([table, table.slice(0, 1)]),
    "one twice, one not at all": lambda table: table.take([0, *range(len(table) - 1)]),
    "another customer": lambda table: table.set_column(
        0, "customer_id", pa.array(["new", *table["customer_id"].to_pylist()[1:]])
    ),
    "another week": lambda table: table.set_column(
        1, "as_of", pa.array(TEST.as_of + np.timedelta64(7, "D"))
    ),
}


@pytest.mark.parametrize("change", OTHER_ROWS)
def test_scores_of_other_rows_raise_error_with_fix(
    change: str,
) -> None:
    with pytest.raises(
        NotTrainableError,
        match=r"(?s)forest was scored on other rows.*Rematerialize all candidates",
    ):
        aligned_table(TEST, OTHER_ROWS[change](scored(TEST, NUMBERED)), "forest")


def compared(data: Examples) -> Comparison:
    rng = np.random.default_rng(3)
    tables = {
        f"training/churn_{candidate.name}": scored(TEST, rng.random(len(TEST)))
        for candidate in CANDIDATES
    }
    records = {
        candidate.name: {
            "fold_scores": {"profit": 1.0, "profit_error": 0.0, "brier": 0.1},
            "chosen_on": "folds",
        }
        for candidate in CANDIDATES
    }
    examples_read = churn_examples(as_table(data))
    return compare_candidates(examples_read, tables.__getitem__, TASK, records=records)


def fold_scores(is_best: bool) -> dict[str, float]:
    return {"profit": 20.0 if is_best else 10.0, "profit_error": 5.0, "brier": 0.1}


def test_baselines_ignore_labels_open_at_test_start() -> None:
    """Baselines learn from Mondays at least gap and horizon before the first test Monday."""
    rate = compared(DATA).baselines[EVERYBODY.name].p[0]
    for still_open, affects_baseline in ((True, False), (False, True)):
        changed = DATA.take(np.arange(len(DATA)))
        rows = (changed.as_of + PURGE > LAST[0]) == still_open
        changed.y[rows] = 1
        assert bool(compared(changed).baselines[EVERYBODY.name].p[0] != rate) is affects_baseline
    assert rate == pytest.approx(DATA.y[DATA.as_of + PURGE <= LAST[0]].mean())


def test_comparison_contains_only_scored_weeks() -> None:
    comparison = compared(DATA)
    assert (
        set(comparison.candidates) == {candidate.name for candidate in CANDIDATES}
        and comparison.champion is None
    )
    assert (
        comparison.test.entities.tolist() == TEST.entities.tolist()
        and comparison.test.as_of.tolist() == TEST.as_of.tolist()
    )
    assert all(
        (scorer.y == TEST.y).all()
        for scorer in (*comparison.candidates.values(), *comparison.baselines.values())
    )


@pytest.mark.parametrize("challenger", ["good", "poor"])
def test_challenger_is_best_on_folds_not_on_test(challenger: str) -> None:
    good = np.where(TEST.y > 0, 0.9, 0.1)
    known = {
        name: Evaluation(TEST.y, p, UTILITY) for name, p in (("poor", 1 - good), ("good", good))
    }
    nobody = Evaluation(TEST.y, good * 0.5, UTILITY)
    champion = Evaluation(TEST.y, good * 0.9, UTILITY)
    comparison = Comparison(
        task=TASK,
        test=TEST,
        candidates=known,
        baselines={NOBODY.name: nobody},
        fold_scores={name: fold_scores(name == challenger) for name in known},
        chosen_on="folds",
        champion=champion,
    )
    assert comparison.challenger == challenger
    points = comparison.scores.points
    assert points == {
        challenger: known[challenger].point(),
        NOBODY.name: nobody.point(),
        CHAMPION: champion.point(),
    }
    board = {row["candidate"]: row for row in comparison.leaderboard()}
    kinds = {name: row["kind"] for name, row in board.items()}
    assert kinds == {"good": "candidate", "poor": "candidate", NOBODY.name: "baseline"}
    assert [name for name, row in board.items() if row["is_challenger"]] == [challenger]
    assert board["good"]["fold_profit"] == fold_scores(challenger == "good")["profit"]
    assert board[NOBODY.name]["fold_profit"] is None
