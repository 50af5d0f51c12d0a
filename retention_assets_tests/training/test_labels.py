"""Facts in, labels out, on both edges of the window and for both times of a fact.

As of Monday 2024-03-04 with a gap of 14 days, a horizon of 30 and a reporting lag of 7: the window
opens at the end of 2024-03-17, closes at the end of 2024-04-16, and the label is final at the first
moment of 2024-04-24.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from retention_assets.features.measures import available_measures
from retention_assets.features.tiles import daily_activity
from retention_assets.modeling.label_window import LabelWindow
from retention_assets.resources.lake import Lake
from retention_assets.sources.profile import Churn, Profile, TableSource
from retention_assets.training.columns import BOOKKEEPING
from retention_assets.training.labels import labels
from retention_assets.training.task import churn_examples
from retention_assets.training.weeks import weekly_examples

AS_OF = date(2024, 3, 4)
LONG_AGO = "2023-10-01 12:00:00"
RECENTLY = "2024-02-20 12:00:00"
JUST_BEFORE_T = "2024-03-03 23:59:59"
T = "2024-03-04 00:00:00"
IN_GAP = "2024-03-10 12:00:00"
OPENS = "2024-03-18 00:00:00"
JUST_OPEN = "2024-03-18 00:00:01"
WITHIN = "2024-04-01 12:00:00"
CLOSES = "2024-04-17 00:00:00"
JUST_CLOSED = "2024-04-17 00:00:01"
FINAL = "2024-04-23 23:59:59"
TOO_LATE = "2024-04-24 00:00:00"
YEARS = 1000
NO_EXAMPLE = None
SHOP = ("customers", "transactions")

REPLACED_WITHIN = "2024-04-02"
REPLACED_WHEN_FINAL = "2024-04-23"
REPLACED_TOO_LATE = "2024-04-24"
# (what, when it happened, when it was reported; nothing: at once, on which day it was replaced)
Fact = tuple[str, ...]

# Facts of one customer each, and the label; NO_EXAMPLE: no example is made of the customer.
CANCELLATION: dict[str, tuple[list[Fact], int | None]] = {
    "stays": ([], 0),
    "left long before": ([("", LONG_AGO)], NO_EXAMPLE),
    "left in the gap": ([("", IN_GAP)], NO_EXAMPLE),
    "left at the end of the gap": ([("", OPENS)], NO_EXAMPLE),
    "left as the window opens": ([("", JUST_OPEN)], 1),
    "left as the window closes": ([("", CLOSES)], 1),
    "left after the window": ([("", JUST_CLOSED)], 0),
    "left within, reported when final": ([("", WITHIN, FINAL)], 1),
    "left within, reported too late": ([("", WITHIN, TOO_LATE)], 0),
    "left long before, reported too late": ([("", LONG_AGO, TOO_LATE)], 0),
    "left in the gap, reported within": ([("", IN_GAP, WITHIN)], NO_EXAMPLE),
    "left twice": ([("", LONG_AGO), ("", WITHIN)], NO_EXAMPLE),
    "left twice, within first": ([("", WITHIN), ("", JUST_CLOSED)], 1),
}

INACTIVITY: dict[str, tuple[list[Fact], int | None]] = {
    "never bought": ([], NO_EXAMPLE),
    "silent": ([("sale", RECENTLY)], 1),
    "bought within": ([("sale", RECENTLY), ("sale", WITHIN)], 0),
    "bought in the gap alone": ([("sale", RECENTLY), ("sale", IN_GAP)], 1),
    "bought at the end of the gap": ([("sale", RECENTLY), ("sale", OPENS)], 1),
    "bought as the window opens": ([("sale", RECENTLY), ("sale", JUST_OPEN)], 0),
    "bought as the window closes": ([("sale", RECENTLY), ("sale", CLOSES)], 0),
    "bought after the window": ([("sale", RECENTLY), ("sale", JUST_CLOSED)], 1),
    "bought within, reported when final": ([("sale", RECENTLY), ("sale", WITHIN, FINAL)], 0),
    "bought within, reported too late": ([("sale", RECENTLY), ("sale", WITHIN, TOO_LATE)], 1),
    "returned within": ([("sale", RECENTLY), ("return", WITHIN)], 1),
    "only ever returned": ([("return", RECENTLY)], NO_EXAMPLE),
    "first bought at t": ([("sale", T), ("sale", WITHIN)], NO_EXAMPLE),
    "first bought just before t": ([("sale", JUST_BEFORE_T)], 1),
    "first purchase known at t": ([("sale", RECENTLY, T)], NO_EXAMPLE),
    "bought long ago": ([("sale", LONG_AGO)], 1),
    "bought within, taken back in time": (
        [("sale", RECENTLY), ("sale", WITHIN, WITHIN, REPLACED_WHEN_FINAL)],
        1,
    ),
    "bought within, taken back too late": (
        [("sale", RECENTLY), ("sale", WITHIN, WITHIN, REPLACED_TOO_LATE)],
        0,
    ),
    "bought before t, taken back within": ([("sale", RECENTLY, RECENTLY, REPLACED_WITHIN)], 1),
    "bought before t, taken back before t": (
        [("sale", RECENTLY, RECENTLY, "2024-03-03")],
        NO_EXAMPLE,
    ),
}

LABEL: dict[str, tuple[list[Fact], int | None]] = {
    "stays": ([("stayed", T, CLOSES)], 0),
    "leaves": ([("left", T, CLOSES)], 1),
    "leaves, known within": ([("left", T, WITHIN)], 1),
    "leaves, known when final": ([("left", T, FINAL)], 1),
    "leaves, known too late": ([("left", T, TOO_LATE)], NO_EXAMPLE),
    "without a time of arrival": ([("left", T)], 1),
    "during the as-of day": ([("left", "2024-03-04 23:00:00", CLOSES)], 1),
    "as of the day before": ([("left", JUST_BEFORE_T, CLOSES)], NO_EXAMPLE),
    "as of the day after": ([("left", "2024-03-05 00:00:00", CLOSES)], NO_EXAMPLE),
    "without an outcome": ([], NO_EXAMPLE),
    "corrected in time": (
        [("left", T, WITHIN, REPLACED_WHEN_FINAL), ("stayed", T, FINAL)],
        0,
    ),
    "corrected too late": (
        [("stayed", T, CLOSES, REPLACED_TOO_LATE), ("left", T, TOO_LATE)],
        0,
    ),
    "stated twice for the day": (
        [("left", T, WITHIN), ("stayed", "2024-03-04 08:00:00", FINAL)],
        0,
    ),
}
KINDS = pytest.mark.parametrize(
    ("kind", "table"),
    [("cancellation", CANCELLATION), ("inactivity", INACTIVITY), ("label", LABEL)],
)


def facts(spark: SparkSession, table: Mapping[str, tuple[list[Fact], Any]]) -> DataFrame:
    """Churn events, transactions, outcomes or contacts, by fact."""
    rows = [
        (who, what, when, *(later[:1] or [when]), *(later[1:] or [None]))
        for who, (events, _) in table.items()
        for what, when, *later in events
    ]
    names = ("customer_id", "kind", "event_ts", "ingested_ts", "replaced_on")
    frame = spark.createDataFrame(rows, ", ".join(f"{name} string" for name in names))
    times = ("event_ts::timestamp", "ingested_ts::timestamp", "replaced_on::date")
    return frame.selectExpr("customer_id", "kind", "kind = 'left' churned", *times)


def customer_weeks(
    spark: SparkSession, customers: Sequence[str], as_ofs: Sequence[date] = (AS_OF,)
) -> DataFrame:
    return spark.createDataFrame(
        [(who, day) for who in customers for day in as_ofs], "customer_id string, as_of date"
    )


def label_by_customer(frame: DataFrame) -> dict[str, int]:
    rows = frame.collect()
    assert len({(row.customer_id, row.as_of) for row in rows}) == len(rows), (
        "a customer has one row a week"
    )
    return {row.customer_id: row.label for row in rows}


def expected(table: dict[str, tuple[list[Fact], int | None]]) -> dict[str, int]:
    return {who: label for who, (_, label) in table.items() if label is not None}


@KINDS
def test_customers_get_the_label_of_the_table(lake: Lake, kind: str, table: dict) -> None:
    labeled = labels(
        customer_weeks(lake.spark, list(table)),
        LabelWindow(14, 30, 7),
        kind=kind,
        facts=facts(lake.spark, table),
        contacts=None,
        days_to_lapse=YEARS,
    )
    assert label_by_customer(labeled) == expected(table)
    assert {
        row.label_observed_at for row in labeled.select("label_observed_at").distinct().collect()
    } == {date(2024, 4, 24)}


def test_customers_who_have_lapsed_are_not_eligible(lake: Lake) -> None:
    table: dict[str, tuple[list[Fact], int | None]] = {
        "60 days ago": ([("sale", "2024-01-04 00:00:00")], 1),
        "61 days ago": ([("sale", "2024-01-03 23:59:59")], NO_EXAMPLE),
    }
    window = LabelWindow(14, 30, 7)
    labeled = labels(
        customer_weeks(lake.spark, list(table)),
        window,
        kind="inactivity",
        facts=facts(lake.spark, table),
        contacts=None,
        days_to_lapse=60,
    )
    assert label_by_customer(labeled) == expected(table)


@KINDS
def test_reports_after_the_final_day_change_no_label(lake: Lake, kind: str, table: dict) -> None:
    """Whatever arrives late, the rows that a model was trained on are the same when made again."""
    late: dict = {
        who: ([("sale", when, TOO_LATE) for when in (LONG_AGO, T, IN_GAP, WITHIN)], None)
        for who in table
    }
    known = facts(lake.spark, table)
    pairs = customer_weeks(lake.spark, list(table))
    window = LabelWindow(14, 30, 7)
    again = labels(
        pairs,
        window,
        kind=kind,
        facts=known.unionByName(facts(lake.spark, late)),
        contacts=None,
        days_to_lapse=YEARS,
    )
    assert label_by_customer(again) == expected(table)


@pytest.mark.parametrize(
    ("later", "has_examples"),
    [
        (("left", T, WITHIN), False),
        (("stayed", JUST_BEFORE_T, WITHIN), False),
        (("stayed", T, TOO_LATE), False),
        (("stayed", T, FINAL), True),
        (("stayed", "2024-03-11 00:00:00", FINAL), True),
    ],
)
def test_given_labels_need_a_feed_that_goes_on(lake: Lake, later: Fact, has_examples: bool) -> None:
    """That somebody left is stated early: if the feed stops then, only leavers have a label."""
    table: dict = {"leaver": ([("left", T, WITHIN)], 1), "other": ([later], None)}
    labeled = labels(
        customer_weeks(lake.spark, list(table)),
        LabelWindow(14, 30, 7),
        kind="label",
        facts=facts(lake.spark, table),
        contacts=None,
        days_to_lapse=YEARS,
    )
    assert ("leaver" in label_by_customer(labeled)) == has_examples


def test_cancellation_labels_each_week_whose_window_holds_it(
    lake: Lake,
) -> None:
    # Left on 1 April at noon. Windows (end of gap, end of horizon] of the Mondays:
    weeks = {
        date(2024, 2, 12): 0,  # 26 February - 27 March
        date(2024, 2, 19): 1,  # 4 March - 3 April
        date(2024, 3, 18): 1,  # 1 April - 1 May, open since midnight
        date(2024, 3, 25): NO_EXAMPLE,  # left within the gap
        date(2024, 4, 8): NO_EXAMPLE,  # left before
    }
    left = facts(lake.spark, {"C1": ([("", WITHIN)], 1)})
    labeled = labels(
        customer_weeks(lake.spark, ["C1"], list(weeks)),
        LabelWindow(14, 30, 7),
        kind="cancellation",
        facts=left,
        contacts=None,
        days_to_lapse=YEARS,
    ).collect()
    assert {row.as_of: row.label for row in labeled} == {
        day: label for day, label in weeks.items() if label is not None
    }


def test_contact_within_the_window_marks_the_customer(lake: Lake) -> None:
    contacts: dict[str, tuple[list[Fact], bool]] = {
        "at t": ([("treated", T)], True),
        "in the gap": ([("treated", IN_GAP)], True),
        "twice": ([("treated", WITHIN), ("treated", WITHIN)], True),
        "before t": ([("treated", JUST_BEFORE_T)], False),
        "as the window closes": ([("treated", CLOSES)], False),
        "reported too late": ([("treated", WITHIN, TOO_LATE)], False),
        "taken back in time": ([("treated", WITHIN, WITHIN, REPLACED_WHEN_FINAL)], False),
        "held out at random": ([("held out", WITHIN)], False),
        "never": ([], False),
    }
    contact_rows = facts(lake.spark, contacts).withColumn("treated", F.expr("kind = 'treated'"))
    pairs = customer_weeks(lake.spark, list(contacts))
    nothing = facts(lake.spark, {})
    labeled = labels(
        pairs,
        LabelWindow(14, 30, 7),
        kind="cancellation",
        facts=nothing,
        contacts=contact_rows,
        days_to_lapse=YEARS,
    ).collect()
    assert {row.customer_id: row.treated for row in labeled} == {
        who: treated for who, (_, treated) in contacts.items()
    }
    assert {row.label for row in labeled} == {0}  # treated or not, they stay in


def test_examples_hold_vectors_and_labels_of_each_week(
    lake: Lake,
) -> None:
    spark = lake.spark
    days = ["2024-02-01", "2024-02-20", "2024-04-01"]
    sales = facts(spark, {"C1": ([("sale", f"{day} 12:00:00") for day in days], 0)})
    sales = sales.drop("replaced_on").selectExpr(
        "*",
        "to_date(event_ts) arrival_date",
        "ingested_ts stated_ts",
        "false is_correction",
        "uuid() transaction_id",
        "uuid() order_id",
        "20D amount",
    )
    profile = Profile(
        name="shop",
        start=date(2024, 1, 1),
        churn=Churn(kind="inactivity", horizon_days=30, reporting_lag_days=7),
        tables={
            name: TableSource(path=name, columns={column: column for column in sales.columns})
            for name in SHOP
        },
    )
    measures = available_measures(profile.tables)
    tables = {
        "features/daily_activity": daily_activity(
            {"transactions": sales}, measures, date(2024, 1, 1), date(2024, 12, 31)
        ),
        "validated/customers": spark.sql(
            "SELECT 'C1' customer_id, timestamp'2024-01-01' event_ts, "
            "timestamp'2024-01-01' ingested_ts, timestamp'2024-01-01' stated_ts"
        ),
        "validated/transactions": sales,
    }
    data = churn_examples(
        weekly_examples(
            tables.__getitem__, profile, LabelWindow(14, 30, 7), [AS_OF, date(2024, 3, 11)]
        ).toArrow()
    )
    assert data.as_of.astype(str).tolist() == ["2024-03-04", "2024-03-11"]
    assert data.y.tolist() == [0, 0]
    assert data.columns(["recency_days", "total_revenue"]).tolist() == [[13.0, 40.0], [20.0, 40.0]]
    without = weekly_examples(tables.__getitem__, profile, LabelWindow(14, 30, 7), [])
    assert without.count() == 0 and set(without.columns) == {*BOOKKEEPING, *data.features}
