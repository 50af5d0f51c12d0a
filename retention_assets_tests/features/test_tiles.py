"""Daily tiles: each fact counts once, on the day it happened, known from the day it arrived."""

from datetime import UTC, date, datetime

import pytest

from retention_assets.features.measures import MEASURES, MEASURES_BY_NAME
from retention_assets.features.tiles import daily_activity
from retention_assets.resources.lake import Lake

SCHEMA = (
    "customer_id string, order_id string, event_ts timestamp, ingested_ts timestamp,"
    " arrival_date date, kind string, amount double, quantity double"
)
DAY = date(2024, 1, 5)
LAST = date(2024, 1, 9)


def line(order: str, kind: str, amount: float, arrives: int = 5, customer: str = "a") -> tuple:
    """An order line of 5 January that arrives at noon of January `arrives`."""
    happened = datetime(2024, 1, 5, 9, tzinfo=UTC)
    return (
        customer,
        order,
        happened,
        datetime(2024, 1, arrives, 12, tzinfo=UTC),
        date(2024, 1, arrives),
        kind,
        amount,
        1.0,
    )


@pytest.fixture(scope="module")
def tiles(lake: Lake) -> dict[tuple[str, date], dict]:
    lines = [
        line("o1", "sale", 10.0),
        line("o1", "sale", 0.1),
        line("o1", "sale", 0.2, arrives=8),
        line("o2", "return", 4.0),
        line("o3", "sale", 7.0, customer="b"),
    ]
    measures = [measure for measure in MEASURES if measure.table == "transactions"]
    frame = daily_activity(
        {"transactions": lake.spark.createDataFrame(lines, SCHEMA)}, measures, DAY, LAST
    )
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
    rows = lake.spark.createDataFrame([line("o1", "sale", 1.0)], SCHEMA)
    revenue = [MEASURES_BY_NAME["revenue"]]
    tiles = daily_activity({"transactions": rows}, revenue, date(2024, 1, 6), LAST)
    assert tiles.count() == 0


def test_tiles_of_parts_equal_those_of_the_whole(lake: Lake) -> None:
    """A late line of an order that was counted before adds no purchase; one of a new order does."""
    lines = [
        line("o1", "sale", 10.0),
        line("o1", "sale", 1.0, arrives=7),
        line("o2", "sale", 2.0, arrives=7),
        line("o2", "sale", 2.0, arrives=8),
        line("o1", "return", 2.0, arrives=8, customer="b"),
    ]
    tables = {"transactions": lake.spark.createDataFrame(lines, SCHEMA)}
    measures = [measure for measure in MEASURES if measure.table == "transactions"]

    def rows(first: date, last: date) -> list[tuple]:
        return sorted(map(tuple, daily_activity(tables, measures, first, last).collect()))

    days = [(DAY, DAY), (date(2024, 1, 6), date(2024, 1, 7)), (date(2024, 1, 8), LAST)]
    parts = [row for first, last in days for row in rows(first, last)]
    assert sorted(parts) == rows(DAY, LAST)
    purchases = [(row[2].day, row[3]) for row in parts if row[0] == "a"]
    assert purchases == [(5, 1.0), (7, 1.0), (8, 0.0)]
