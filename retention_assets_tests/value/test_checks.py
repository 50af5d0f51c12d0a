"""Segments of which many members move in a week fail the check; those who had left do not count."""

import pytest

from retention_assets import keys
from retention_assets.resources.lake import Lake
from retention_assets.value.checks import segments_are_stable
from retention_assets_tests.runs import evaluate_check

Moves = dict[tuple[str | None, str], int]
STABLE: Moves = {("regulars", "regulars"): 50, ("champions", "champions"): 50}


@pytest.mark.parametrize(
    ("moves", "passed", "moved", "customers"),
    [
        (STABLE | {("regulars", "overdue"): 10}, True, 10 / 110, 110),
        (STABLE | {("regulars", "overdue"): 60}, False, 60 / 160, 160),
        (
            STABLE | {("regulars", "champions"): 25, ("champions", "regulars"): 25},
            False,
            1 / 3,
            150,
        ),
        (STABLE | {("left", "won_back"): 500, (None, "newcomers"): 500}, True, 0.0, 100),
    ],
    ids=["few move", "many move", "two swap", "had left or are new"],
)
def test_share_of_moves_and_agreement_are_limited(
    module_lake: Lake, moves: Moves, passed: bool, moved: float, customers: int
) -> None:
    rows = [pair for pair, count in moves.items() for _ in range(count)]
    frame = module_lake.spark.createDataFrame(rows, "segment_week_ago string, segment string")
    module_lake.overwrite(keys.CUSTOMER_SEGMENTS, frame)
    evaluation = evaluate_check(segments_are_stable(), module_lake)
    assert evaluation.passed is passed
    assert evaluation.metadata["share_moved"].value == pytest.approx(moved)
    assert evaluation.metadata["customers"].value == customers
