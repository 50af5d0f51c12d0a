"""Sizes, shares, mean sales and churn rates by segment, from counts of moves and departures."""

import pytest

from retention_assets.value.segments import declared_segments
from retention_assets.value.summary import Departures, SegmentMove, segment_rows, segment_sizes

SEGMENTS = declared_segments(600.0)
MOVES = [
    SegmentMove("regulars", "regulars", 6, 1200.0),
    SegmentMove("regulars", "overdue", 2, 100.0),
    SegmentMove(None, "regulars", 2, 40.0),
]


def test_row_has_size_share_sales_and_churn_rate() -> None:
    departed = {"regulars": Departures(8, 2), "champions": Departures(5, 5)}
    rows = {row["segment"]: row for row in segment_rows(MOVES, departed, SEGMENTS)}
    assert list(rows) == [segment.name for segment in SEGMENTS]
    names = ("customers", "share", "mean_revenue_90d", "churn_rate", "churn_rate_of")
    figures = {name: [rows[name][column] for column in names] for name in rows}
    assert figures["regulars"] == [8, pytest.approx(0.8), pytest.approx(155.0), 0.25, 8]
    assert figures["overdue"] == [2, pytest.approx(0.2), pytest.approx(50.0), None, 0]
    assert figures["champions"] == [0, 0.0, None, 1.0, 5]


def test_source_without_sales_has_no_mean() -> None:
    (row,) = segment_rows([SegmentMove(None, "left", 3, None)], {}, SEGMENTS[:1])
    assert (row["customers"], row["share"], row["mean_revenue_90d"]) == (3, 1.0, None)


def test_segment_without_customers_has_size_zero() -> None:
    sizes = segment_sizes(MOVES, SEGMENTS)
    assert (sizes["regulars"], sizes["overdue"], sizes["left"]) == (8, 2, 0)
    assert sum(sizes.values()) == 10
