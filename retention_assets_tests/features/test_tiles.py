"""Daily tiles: each fact counts once, on the day it happened, known from the day it arrived."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

import hypothesis.strategies as st
import pytest
from hypothesis import Phase, given, settings
from pyspark.sql import DataFrame

from retention_assets.features.measures import MEASURES, MEASURES_BY_NAME
from retention_assets.features.tiles import daily_activity
from retention_assets.resources.lake import Lake

SCHEMA = (
    "transaction_id string, customer_id string, order_id string, event_ts timestamp,"
    " ingested_ts timestamp, stated_ts timestamp, arrival_date date, is_correction boolean,"
    " is_gone boolean,"
    " kind string, amount double, quantity double"
)
DAY = date(2024, 1, 5)
LAST = date(2024, 1, 9)
MEASURES_OF_SALES = [measure for measure in MEASURES if measure.table == "transactions"]
KEYS = st.sampled_from(["t1", "t2", "t3", "t4", "t5"])


@dataclass(frozen=True)
class Line:
    """A version of an order line, or its removal. The numbers are days of January."""

    key: str
    order: str
    kind: str
    amount: float
    arrives: int = 5
    customer: str = "a"
    happened: int = 5
    is_gone: bool = False

    def row(self, is_correction: bool) -> tuple:
        arrived = datetime(2024, 1, self.arrives, 12, tzinfo=UTC)
        return (
            self.key,
            self.customer,
            self.order,
            datetime(2024, 1, self.happened, 9, tzinfo=UTC),
            arrived,
            arrived,
            arrived.date(),
            is_correction,
            self.is_gone,
            self.kind,
            self.amount,
            1.0,
        )


def lines_frame(lake: Lake, lines: Iterable[Line]) -> DataFrame:
    """The lines as rows of validated/transactions; of those with one key each replaces the last. A
    removal of a key that does not hold is left out.
    """
    rows = []
    known = set()
    for line in lines:
        if line.key in known or not line.is_gone:
            rows.append(line.row(line.key in known))
        known.add(line.key)
        if line.is_gone:
            known.remove(line.key)
    return lake.spark.createDataFrame(rows, SCHEMA)


@pytest.fixture(scope="module")
def tiles(lake: Lake) -> dict[tuple[str, date], dict]:
    lines = [
        Line("t1", "o1", "sale", 10.0),
        Line("t2", "o1", "sale", 0.1),
        Line("t3", "o1", "sale", 0.2, arrives=8),
        Line("t4", "o2", "return", 4.0),
        Line("t5", "o3", "sale", 7.0, customer="b"),
    ]
    tables = {"transactions": lines_frame(lake, lines)}
    frame = daily_activity(tables, MEASURES_OF_SALES, DAY, LAST)
    return {(row["customer_id"], row["arrival_date"]): row.asDict() for row in frame.collect()}


def test_tiles_have_the_day_of_arrival(tiles: dict) -> None:
    assert set(tiles) == {("a", date(2024, 1, 5)), ("a", date(2024, 1, 8)), ("b", date(2024, 1, 5))}


def test_late_line_of_an_order_is_no_second_purchase(tiles: dict) -> None:
    assert (
        tiles["a", date(2024, 1, 5)]["purchases"],
        tiles["a", date(2024, 1, 8)]["purchases"],
    ) == (1.0, 0.0)


def test_amounts_are_exact_to_four_decimals(tiles: dict) -> None:
    rows = [row for (name, _), row in tiles.items() if name == "a"]
    assert sum(row["revenue"] for row in rows) == pytest.approx(10.3, abs=1e-9)
    assert sum(row["returns"] for row in rows) == 1.0
    assert sum(row["return_amount"] for row in rows) == 4.0
    assert sum(row["net_revenue"] for row in rows) == pytest.approx(6.3, abs=1e-9)


def test_days_outside_the_range_are_not_counted(lake: Lake) -> None:
    rows = lines_frame(lake, [Line("t1", "o1", "sale", 1.0)])
    revenue = [MEASURES_BY_NAME["revenue"]]
    tiles = daily_activity({"transactions": rows}, revenue, date(2024, 1, 6), LAST)
    assert tiles.count() == 0


def test_tiles_of_parts_equal_those_of_the_whole(lake: Lake) -> None:
    """A late line of an order that was counted before adds no purchase; one of a new order does."""
    lines = [
        Line("t1", "o1", "sale", 10.0),
        Line("t2", "o1", "sale", 1.0, arrives=7),
        Line("t3", "o2", "sale", 2.0, arrives=7),
        Line("t4", "o2", "sale", 2.0, arrives=8),
        Line("t5", "o1", "return", 2.0, arrives=8, customer="b"),
    ]
    parts = tiles_of_parts(lines_frame(lake, lines))
    assert sorted(parts) == tiles_of(lines_frame(lake, lines), DAY, LAST)
    purchases = [(row[2].day, row[3]) for row in parts if row[0] == "a"]
    assert purchases == [(5, 1.0), (7, 1.0), (8, 0.0)]


def tiles_of(frame: DataFrame, first: date, last: date) -> list[tuple]:
    tiles = daily_activity({"transactions": frame}, MEASURES_OF_SALES, first, last)
    return sorted(map(tuple, tiles.collect()))


def tiles_of_parts(frame: DataFrame) -> list[tuple]:
    days = [(DAY, DAY), (date(2024, 1, 6), date(2024, 1, 7)), (date(2024, 1, 8), LAST)]
    return [row for first, last in days for row in tiles_of(frame, first, last)]


def test_a_correction_takes_back_what_it_replaces(lake: Lake) -> None:
    """An order that becomes another customer's return; another line of the order remains."""
    lines = [
        Line("t1", "o1", "sale", 10.0),
        Line("t2", "o1", "sale", 5.0, arrives=6),
        Line("t1", "o1", "return", 10.0, arrives=7, customer="b"),
        Line("t2", "o1", "sale", 4.0, arrives=8),
        Line("t2", "o1", "return", 4.0, arrives=9),
    ]
    parts = tiles_of_parts(lines_frame(lake, lines))
    # customer, day of arrival -> purchases, revenue, returns, amount returned
    places = [3, 4, 6, 7]
    assert {(row[0], row[2].day): [row[place] for place in places] for row in parts} == {
        ("a", 5): [1.0, 10.0, 0.0, 0.0],
        ("a", 6): [0.0, 5.0, 0.0, 0.0],
        ("a", 7): [0.0, -10.0, 0.0, 0.0],
        ("b", 7): [0.0, 0.0, 1.0, 10.0],
        ("a", 8): [0.0, -1.0, 0.0, 0.0],
        ("a", 9): [-1.0, -4.0, 1.0, 4.0],
    }


def test_a_removal_takes_back_what_it_removes(lake: Lake) -> None:
    """An order whose two lines are removed one after the other; the first one comes back."""
    lines = [
        Line("t1", "o1", "sale", 10.0),
        Line("t2", "o1", "sale", 5.0),
        Line("t1", "o1", "sale", 10.0, arrives=6, is_gone=True),
        Line("t2", "o1", "sale", 5.0, arrives=7, is_gone=True),
        Line("t1", "o1", "sale", 10.0, arrives=8),
    ]
    parts = tiles_of_parts(lines_frame(lake, lines))
    assert {row[2].day: [row[3], row[4]] for row in parts} == {
        5: [1.0, 15.0],
        6: [0.0, -10.0],
        7: [-1.0, -5.0],
        8: [1.0, 10.0],
    }


LINES = st.builds(
    Line,
    key=KEYS,
    order=st.sampled_from(["o1", "o2"]),
    kind=st.sampled_from(["sale", "sale", "return"]),
    amount=st.sampled_from([1.0, 2.5]),
    arrives=st.integers(5, 9),
    customer=st.sampled_from(["a", "b"]),
    happened=st.integers(4, 5),
    is_gone=st.sampled_from([False, False, True]),
)


HISTORIES = st.lists(
    LINES, min_size=10, max_size=25, unique_by=lambda line: (line.key, line.arrives)
)


@settings(max_examples=2, derandomize=True, database=None, deadline=None, phases=[Phase.generate])
@given(lines=HISTORIES)
def test_tiles_add_up_to_the_versions_that_hold_on_each_day(lake: Lake, lines: list[Line]) -> None:
    lines = sorted(lines, key=lambda line: line.arrives)
    frame = lines_frame(lake, lines)
    whole = tiles_of(frame, DAY, LAST)
    assert sorted(tiles_of_parts(frame)) == whole
    for day in range(5, 10):
        sums_by_day = defaultdict(lambda: [0.0, 0.0])
        for row in whole:
            if row[2].day <= day:
                sums_by_day[row[0], row[1].day][0] += row[3]
                sums_by_day[row[0], row[1].day][1] += row[4]
        assert {key: sums for key, sums in sums_by_day.items() if any(sums)} == sold(lines, day)


def sold(lines: list[Line], day: int) -> dict[tuple[str, int], list[float]]:
    """Orders and revenue by customer and day of purchase, of the versions that hold after a day."""
    current = {line.key: line for line in lines if line.arrives <= day}
    sales = [line for line in current.values() if line.kind == "sale" and not line.is_gone]
    expected = defaultdict(lambda: [0.0, 0.0])
    for customer, happened, _ in {(line.customer, line.happened, line.order) for line in sales}:
        expected[customer, happened][0] += 1
    for line in sales:
        expected[line.customer, line.happened][1] += line.amount
    return expected
