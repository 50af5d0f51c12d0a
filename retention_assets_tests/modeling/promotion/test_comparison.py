"""A contest is held on exactly the rows that were scored; what the baselines learn ends where the untouched weeks begin."""

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
from retention_assets.modeling.promotion.comparison import Contest, aligned, contest_of
from retention_assets.modeling.promotion.gates import CHAMPION
from retention_assets.settings import Settings
from retention_assets.sources.load_profile import load_profile
from retention_assets_tests.modeling.factories import ECONOMICS, as_table, examples

SETTINGS = Settings(source="simulated", gap_days=7)
PROFILE = load_profile(SETTINGS)
PURGE = np.timedelta64(SETTINGS.gap_days + PROFILE.churn.horizon_days, "D")
DATA = examples(customers=30, weeks=16)
LAST = np.unique(DATA.as_of)[-2:]
TEST = DATA.take(np.isin(DATA.as_of, LAST))
NUMBERED = np.arange(len(TEST), dtype=np.float64)


def scored(rows: Examples, p: np.ndarray) -> pa.Table:
    """Test scores as a candidate's table holds them."""
    return pa.table(
        {"customer_id": pa.array(rows.customers), "as_of": pa.array(rows.as_of), "probability": p}
    )


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False))
def test_every_probability_finds_its_own_row_in_whatever_order_they_lie(random) -> None:
    order = random.sample(range(len(TEST)), len(TEST))
    assert (
        aligned(TEST, scored(TEST, NUMBERED).take(order), "xgboost").tolist() == NUMBERED.tolist()
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
def test_scores_of_any_other_rows_are_refused_with_the_candidates_name_and_what_to_do(
    change: str,
) -> None:
    with pytest.raises(
        NotTrainableError,
        match=r"(?s)forest was scored on other rows.*Rematerialize all candidates",
    ):
        aligned(TEST, OTHER_ROWS[change](scored(TEST, NUMBERED)), "forest")


def held(data: Examples) -> Contest:
    rng = np.random.default_rng(3)
    tables = {
        f"training/churn_{candidate.name}": scored(TEST, rng.random(len(TEST)))
        for candidate in CANDIDATES
    }
    return contest_of(
        (tables | {"training/churn_examples": as_table(data)}).__getitem__, None, SETTINGS, PROFILE
    )


def test_no_label_that_was_still_open_when_the_test_began_reaches_a_baseline() -> None:
    """The latest Monday that may teach lies a whole gap and horizon before the first untouched one."""
    rate = held(DATA).baselines[EVERYBODY].p[0]
    for open_still, may_teach in ((True, False), (False, True)):
        changed = DATA.take(np.arange(len(DATA)))
        rows = (changed.as_of + PURGE > LAST[0]) == open_still
        changed.y[rows] = 1
        assert bool(held(changed).baselines[EVERYBODY].p[0] != rate) is may_teach
    assert rate == pytest.approx(DATA.y[DATA.as_of + PURGE <= LAST[0]].mean())


def test_the_scored_weeks_alone_are_judged() -> None:
    contest = held(DATA)
    assert (
        set(contest.candidates) == {candidate.name for candidate in CANDIDATES}
        and contest.champion is None
    )
    assert (
        contest.test.customers.tolist() == TEST.customers.tolist()
        and contest.test.as_of.tolist() == TEST.as_of.tolist()
    )
    assert all(
        (each.y == TEST.y).all()
        for each in (*contest.candidates.values(), *contest.baselines.values())
    )


@pytest.mark.parametrize(("chosen", "challenger"), [(None, "good"), ("poor", "poor")])
def test_the_challenger_is_the_best_unless_it_was_chosen_beforehand_and_stands_beside_its_rivals_alone(
    chosen: str | None, challenger: str
) -> None:
    good = np.where(TEST.y > 0, 0.9, 0.1)
    known = {
        name: Evaluation(TEST.y, p, ECONOMICS) for name, p in (("poor", 1 - good), ("good", good))
    }
    nobody, champion = (
        Evaluation(TEST.y, good * 0.5, ECONOMICS),
        Evaluation(TEST.y, good * 0.9, ECONOMICS),
    )
    contest = Contest(TEST, known, {NOBODY: nobody}, champion, rounds=20, seed=1, chosen=chosen)
    assert contest.challenger == challenger
    points = contest.standing().points
    assert points == {
        challenger: known[challenger].point(),
        NOBODY: nobody.point(),
        CHAMPION: champion.point(),
    }
    kinds = {row["candidate"]: row["kind"] for row in contest.leaderboard()}
    assert kinds == {"good": "candidate", "poor": "candidate", NOBODY: "baseline"}
