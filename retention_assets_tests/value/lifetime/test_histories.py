"""What lifetime value reads of each customer: purchases as known at a day, and subscriptions."""

from datetime import date, timedelta
from typing import Any

from pyspark.sql import DataFrame

from retention_assets.features.customer_state import UNKNOWN
from retention_assets.resources.lake import Lake
from retention_assets.value.lifetime.histories import (
    kept_share,
    purchase_histories,
    recent_sales,
    subscription_histories,
)
from retention_assets_tests.features.factories import START, TILES_SCHEMA, tile

AS_OF = START + timedelta(days=200)


def rows_by_customer(frame: DataFrame) -> dict[str, dict[str, Any]]:
    return {row["customer_id"]: row.asDict() for row in frame.collect()}


def tiles_frame(lake: Lake, rows: list[dict[str, Any]]) -> DataFrame:
    return lake.spark.createDataFrame(rows, TILES_SCHEMA)


def test_purchase_history_leaves_out_the_first_day(lake: Lake) -> None:
    rows = [
        tile("a", 10, purchases=1, revenue=9.0, net_revenue=9.0),
        tile("a", 17, purchases=2, revenue=30.0, net_revenue=30.0),
        tile("a", 31, purchases=1, revenue=10.0, net_revenue=10.0),
        tile("b", 50, purchases=1, revenue=5.0, net_revenue=5.0),
        tile("c", 60, logins=3),
    ]
    histories = rows_by_customer(purchase_histories(tiles_frame(lake, rows), AS_OF))
    assert histories == {
        "a": {"customer_id": "a", "frequency": 2, "recency": 3, "T": 189 / 7, "monetary": 20},
        "b": {"customer_id": "b", "frequency": 0, "recency": 0, "T": 149 / 7, "monetary": 0},
    }


def test_later_arrivals_and_taken_back_purchases_do_not_count(lake: Lake) -> None:
    sale = {"purchases": 1, "revenue": 9.0, "net_revenue": 9.0}
    rows = [
        tile("a", 10, **sale),
        tile("a", 20, late=185, **sale),
        tile("a", 30, **sale),
        tile("a", 30, late=4, **{name: -value for name, value in sale.items()}),
        tile("a", 200, **sale),
    ]
    histories = rows_by_customer(purchase_histories(tiles_frame(lake, rows), AS_OF))
    assert histories["a"]["frequency"] == 0


def test_returns_lower_the_kept_share_and_sales(lake: Lake) -> None:
    rows = [
        tile("a", 5, revenue=50.0, net_revenue=50.0),
        tile("a", 150, revenue=100.0, net_revenue=60.0),
        tile("b", 150, revenue=50.0, net_revenue=-20.0),
    ]
    frame = tiles_frame(lake, rows)
    assert kept_share(frame, AS_OF) == 90 / 200
    assert kept_share(tiles_frame(lake, [tile("a", 5)]), AS_OF) == 1
    assert {
        name: row["sold"] for name, row in rows_by_customer(recent_sales(frame, AS_OF)).items()
    } == {
        "a": 60.0,
        "b": 0.0,
    }


def test_subscriptions_begin_at_sign_up_or_return(lake: Lake) -> None:
    """The data start on March 1; `late` signed up before that and has left since."""
    customers = lake.spark.createDataFrame(
        [
            ("late", date(2023, 12, 20), "basic"),
            ("gone", date(2024, 1, 10), "basic"),
            ("new", date(2024, 4, 1), None),
            ("back", date(2023, 1, 1), "premium"),
            ("early", date(2024, 2, 28), "basic"),
            ("who", date(2024, 4, 1), "basic"),
        ],
        "customer_id string, signup_date date, plan string",
    )
    states = lake.spark.createDataFrame(
        [
            ("late", "left", date(2024, 5, 25)),
            ("gone", "left", date(2024, 3, 5)),
            ("new", "active", date(2024, 4, 1)),
            ("back", "returned", date(2024, 4, 15)),
            ("early", "left", date(2024, 3, 2)),
            ("who", UNKNOWN, None),
        ],
        "customer_id string, state string, since date",
    )
    frame = subscription_histories(
        customers, states, as_of=date(2024, 6, 1), history_start=date(2024, 3, 1)
    )
    columns = ("plan", "entry", "tenure", "ended", "exposure")
    rows = rows_by_customer(frame)
    assert {name: tuple(row[column] for column in columns) for name, row in rows.items()} == {
        "late": ("basic", 3, 5, True, 85),
        "new": ("none", 0, 2, False, 61),
        "back": ("premium", 0, 1, False, 92),
    }


def test_plan_is_optional(lake: Lake) -> None:
    customers = lake.spark.createDataFrame(
        [("a", date(2024, 1, 1))], "customer_id string, signup_date date"
    )
    states = lake.spark.createDataFrame(
        [("a", "active", date(2024, 1, 1))], "customer_id string, state string, since date"
    )
    frame = subscription_histories(
        customers, states, as_of=date(2024, 6, 1), history_start=date(2024, 1, 1)
    )
    assert [row["plan"] for row in frame.collect()] == ["none"]
