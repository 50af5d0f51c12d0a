"""Facts in, labels out, on both edges of the window and for both times of a fact.

As of Monday 2024-03-04 with a gap of 14 days, a horizon of 30 and a reporting lag of 7: the window
closes at the end of 2024-04-16, and the label is final at the first moment of 2024-04-24. A silent
customer lapses after 30 days: at the end of the window, if the last purchase was before 2024-03-18.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from retention_assets.features.customer_state import histories
from retention_assets.features.measures import available_measures
from retention_assets.features.tiles import daily_activity
from retention_assets.modeling.label_window import LabelWindow
from retention_assets.resources.lake import Lake
from retention_assets.sources.profile import Churn, Profile, TableSource
from retention_assets.training.columns import BOOKKEEPING
from retention_assets.training.labels import labels
from retention_assets.training.task import churn_examples
from retention_assets.training.weeks import weekly_examples
from retention_assets_tests.features.factories import Fact, fact_rows, history_frames
from retention_assets_tests.training.contact_rows import decisions

AS_OF = date(2024, 3, 4)
WINDOW = LabelWindow(14, 30, 7)
SIGN_UP = ("sign-up", "2023-01-10 09:00:00")
LONG_AGO = "2023-10-01 12:00:00"
RECENTLY = "2024-02-20 12:00:00"
JUST_BEFORE_T = "2024-03-03 23:59:59"
T = "2024-03-04 00:00:00"
IN_GAP = "2024-03-10 12:00:00"
GAP_OPEN = "2024-03-17 23:59:59"
GAP_ENDS = "2024-03-18 00:00:00"
WITHIN = "2024-04-01 12:00:00"
LATER_WITHIN = "2024-04-08 12:00:00"
JUST_OPEN = "2024-04-16 23:59:59"
CLOSES = "2024-04-17 00:00:00"
FINAL = "2024-04-23 23:59:59"
TOO_LATE = "2024-04-24 00:00:00"
NO_EXAMPLE = None
SHOP = ("customers", "transactions")

REPLACED_WITHIN = "2024-04-02"
REPLACED_WHEN_FINAL = "2024-04-23"
REPLACED_TOO_LATE = "2024-04-24"
Table = Mapping[str, tuple[list[Fact], int | None]]

# Facts of one customer each, who signed up long before, and the label; NO_EXAMPLE: no example is
# made of the customer.
CANCELLATION: Table = {
    "stays": ([], 0),
    "left long before": ([("cancel", LONG_AGO)], NO_EXAMPLE),
    "left just before t": ([("cancel", JUST_BEFORE_T)], NO_EXAMPLE),
    "left at t": ([("cancel", T)], 1),
    "left in the gap": ([("cancel", IN_GAP)], 1),
    "left just before the gap ends": ([("cancel", GAP_OPEN)], 1),
    "left as the gap ends": ([("cancel", GAP_ENDS)], 1),
    "left within": ([("cancel", WITHIN)], 1),
    "left just before the window closes": ([("cancel", JUST_OPEN)], 1),
    "left as the window closes": ([("cancel", CLOSES)], 0),
    "left within, reported when final": ([("cancel", WITHIN, FINAL)], 1),
    "left within, reported too late": ([("cancel", WITHIN, TOO_LATE)], 0),
    "left within, taken back in time": (
        [("cancel", WITHIN, WITHIN, REPLACED_WHEN_FINAL)],
        0,
    ),
    "left long before, reported too late": ([("cancel", LONG_AGO, TOO_LATE)], 0),
    "left long before, reported within": ([("cancel", LONG_AGO, WITHIN)], 1),
    "left in the gap, came back": ([("cancel", IN_GAP), ("sale", WITHIN)], 0),
    "left within, came back": ([("cancel", WITHIN), ("premium", LATER_WITHIN)], 0),
    "left within, came back after": ([("cancel", WITHIN), ("sale", CLOSES)], 1),
    "left within, came back, reported too late": (
        [("cancel", WITHIN), ("sale", LATER_WITHIN, TOO_LATE)],
        1,
    ),
    "left within, came back, left again": (
        [("cancel", IN_GAP), ("sale", WITHIN), ("cancel", LATER_WITHIN)],
        1,
    ),
    "left within, opted out": ([("cancel", WITHIN), ("opt-out", LATER_WITHIN)], 1),
    "left before, came back within": ([("cancel", LONG_AGO), ("sale", WITHIN)], NO_EXAMPLE),
    "left twice": ([("cancel", LONG_AGO), ("cancel", WITHIN)], NO_EXAMPLE),
    "came back before t": ([("cancel", LONG_AGO), ("sale", RECENTLY)], 0),
    "came back long ago": (
        [("cancel", "2023-02-01 12:00:00"), ("sale", "2023-03-01 12:00:00")],
        0,
    ),
    "came back, left within": (
        [("cancel", LONG_AGO), ("sale", RECENTLY), ("cancel", WITHIN)],
        1,
    ),
}

LEFT_IN_GAP = {
    "left at t",
    "left in the gap",
    "left just before the gap ends",
    "left long before, reported within",
    "left within, came back, left again",
}

INACTIVITY: Table = {
    "never bought": ([], NO_EXAMPLE),
    "silent": ([("sale", RECENTLY)], 1),
    "bought within": ([("sale", RECENTLY), ("sale", WITHIN)], 0),
    "bought in the gap alone": ([("sale", RECENTLY), ("sale", IN_GAP)], 1),
    "bought just before the silence": ([("sale", RECENTLY), ("sale", GAP_OPEN)], 1),
    "bought on its first day": ([("sale", RECENTLY), ("sale", GAP_ENDS)], 0),
    "bought just before the window closes": ([("sale", RECENTLY), ("sale", JUST_OPEN)], 0),
    "bought as the window closes": ([("sale", RECENTLY), ("sale", CLOSES)], 1),
    "bought within, reported when final": ([("sale", RECENTLY), ("sale", WITHIN, FINAL)], 0),
    "bought within, reported too late": ([("sale", RECENTLY), ("sale", WITHIN, TOO_LATE)], 1),
    "returned within": ([("sale", RECENTLY), ("return", WITHIN)], 1),
    "only ever returned": ([("return", RECENTLY)], NO_EXAMPLE),
    "first bought at t": ([("sale", T), ("sale", WITHIN)], NO_EXAMPLE),
    "first bought just before t": ([("sale", JUST_BEFORE_T)], 1),
    "first purchase known at t": ([("sale", RECENTLY, T)], NO_EXAMPLE),
    "bought 30 days ago": ([("sale", "2024-02-03 00:00:00")], 1),
    "lapsed": ([("sale", "2024-02-02 23:59:59")], NO_EXAMPLE),
    "lapsed, came back within": ([("sale", LONG_AGO), ("sale", WITHIN)], NO_EXAMPLE),
    "came back before t": ([("sale", LONG_AGO), ("sale", RECENTLY)], 1),
    "came back, goes on": ([("sale", LONG_AGO), ("sale", RECENTLY), ("sale", WITHIN)], 0),
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

LABEL: Table = {
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


def labeled(
    spark: SparkSession,
    table: Mapping[str, tuple[list[Fact], Any]],
    kind: str,
    *,
    as_ofs: Sequence[date] = (AS_OF,),
    contacts: DataFrame | None = None,
) -> DataFrame:
    """The labels of all customers of the table, each of whom has signed up long before."""
    churn = Churn.model_validate({"kind": kind, "horizon_days": WINDOW.horizon_days})
    events = {who: [SIGN_UP, *facts] for who, (facts, _) in table.items()}
    frames = history_frames(spark, events)
    if kind == "inactivity":
        frames["cancellations"] = None
    outcomes = fact_rows(spark, events).where("kind IN ('left', 'stayed')")
    outcomes = outcomes.withColumn("churned", F.expr("kind = 'left'"))
    pairs = [(who, day) for who in table for day in as_ofs]
    return labels(
        spark.createDataFrame(pairs, "customer_id string, as_of date"),
        WINDOW,
        churn,
        customers=histories(**frames, churn=churn),
        outcomes=outcomes if kind == "label" else None,
        contacts=contacts,
        read_on={day: day + timedelta(days=WINDOW.observed_after_days) for day in as_ofs},
    )


def label_by_customer(frame: DataFrame) -> dict[str, int]:
    rows = frame.collect()
    assert len({(row.customer_id, row.as_of) for row in rows}) == len(rows), (
        "a customer has one row a week"
    )
    return {row.customer_id: row.label for row in rows}


def test_who_leaves_within_the_gap_is_marked(lake: Lake) -> None:
    """A churner like others, but one whom a contact reaches too late."""
    for kind, table in (("cancellation", CANCELLATION), ("inactivity", INACTIVITY)):
        rows = labeled(lake.spark, table, kind).where("left_in_gap").collect()
        assert {row.customer_id for row in rows} == (
            LEFT_IN_GAP if kind == "cancellation" else set()
        )


def expected(table: Table) -> dict[str, int]:
    return {who: label for who, (_, label) in table.items() if label is not None}


@KINDS
def test_customers_get_the_label_of_the_table(lake: Lake, kind: str, table: Table) -> None:
    rows = labeled(lake.spark, table, kind)
    assert label_by_customer(rows) == expected(table)
    assert {row.label_observed_at for row in rows.collect()} == {date(2024, 4, 24)}


@KINDS
def test_reports_after_the_final_day_change_no_label(lake: Lake, kind: str, table: Table) -> None:
    """Whatever arrives late, the rows that a model was trained on are the same when made again."""
    late = {
        f"{who}, then {what}": (
            [*facts, *((what, when, TOO_LATE) for when in (LONG_AGO, T, IN_GAP, WITHIN))],
            label,
        )
        for who, (facts, label) in table.items()
        for what in ("sale", "cancel", "premium", "left", "stayed")
    }
    assert label_by_customer(labeled(lake.spark, late, kind)) == expected(late)


@KINDS
@pytest.mark.parametrize("kind_of_time", ["happens", "is reported"])
def test_later_facts_do_not_decide_which_examples_exist(
    lake: Lake, kind: str, table: Table, kind_of_time: str
) -> None:
    """Given outcomes excepted, which are the labels."""
    happened = (T, IN_GAP, WITHIN, CLOSES)
    times = {"happens": [(when,) for when in happened], "is reported": [(LONG_AGO, T)]}
    later = {
        f"{who}, then {what}": ([*facts, *((what, *when) for when in times[kind_of_time])], label)
        for who, (facts, label) in table.items()
        for what in ("sale", "return", "cancel", "premium", "opt-out")
    }
    rows = labeled(lake.spark, later, kind)
    assert label_by_customer(rows).keys() == expected(later).keys()


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
    rows = labeled(lake.spark, table, "label")
    assert ("leaver" in label_by_customer(rows)) == has_examples


def test_given_labels_of_customers_who_left_are_not_used(lake: Lake) -> None:
    table: Table = {
        "is a customer": ([("stayed", T, CLOSES)], 0),
        "has left": ([("cancel", LONG_AGO), ("stayed", T, CLOSES)], NO_EXAMPLE),
    }
    assert label_by_customer(labeled(lake.spark, table, "label")) == expected(table)


def test_cancellation_labels_each_week_until_it_happens(lake: Lake) -> None:
    # Left on 1 April at noon and came back on 3 May. Ends of the Mondays' windows:
    weeks = {
        date(2024, 2, 12): 0,  # 27 March
        date(2024, 2, 19): 1,  # 3 April
        date(2024, 3, 18): 1,  # 1 May
        date(2024, 3, 25): 0,  # 8 May: left within the gap, and is back
        date(2024, 4, 1): 0,  # 15 May
        date(2024, 4, 8): NO_EXAMPLE,
        date(2024, 4, 29): NO_EXAMPLE,
        date(2024, 5, 6): 0,
    }
    table = {"C1": ([("cancel", WITHIN), ("sale", "2024-05-03 12:00:00")], 1)}
    rows = labeled(lake.spark, table, "cancellation", as_ofs=list(weeks)).collect()
    assert {row.as_of: row.label for row in rows} == {
        day: label for day, label in weeks.items() if label is not None
    }


def test_contact_until_the_outcome_marks_the_customer(lake: Lake) -> None:
    """The last cancellation decides the label: until then a contact could have changed it."""
    left = ("cancel", WITHIN)
    table: dict[str, tuple[list[Fact], bool]] = {
        "at t": ([("treated", T)], True),
        "in the gap": ([("treated", IN_GAP)], True),
        "before t": ([("treated", JUST_BEFORE_T)], False),
        "just before the window closes": ([("treated", JUST_OPEN)], True),
        "as the window closes": ([("treated", CLOSES)], False),
        "reported too late": ([("treated", WITHIN, TOO_LATE)], False),
        "held out at random": ([("held out", WITHIN)], False),
        "never": ([], False),
        "before leaving": ([left, ("treated", IN_GAP)], True),
        "on the day of leaving": ([left, ("treated", "2024-04-01 20:00:00")], True),
        "after leaving": ([left, ("treated", LATER_WITHIN)], False),
        "after the first leaving": (
            [("cancel", IN_GAP), ("sale", GAP_ENDS), left, ("treated", GAP_ENDS)],
            True,
        ),
        "after leaving, came back": (
            [("cancel", IN_GAP), ("treated", WITHIN), ("sale", LATER_WITHIN)],
            True,
        ),
    }
    rows = decisions(lake.spark, {who: facts for who, (facts, _) in table.items()})
    marked = labeled(lake.spark, table, "cancellation", contacts=rows).collect()
    assert {row.customer_id: row.treated for row in marked} == {
        who: treated for who, (_, treated) in table.items()
    }
    assert {row.weight for row in marked} == {1.0}  # treated or not, they stay in


@pytest.mark.parametrize("kind", ["inactivity", "label"])
def test_contact_in_the_window_marks_for_other_labels(lake: Lake, kind: str) -> None:
    facts: Table = {
        who: ([("sale", RECENTLY), ("left", T, WITHIN), ("stayed", T, FINAL)], 0)
        for who in ("in the window", "after it")
    }
    contacts = decisions(
        lake.spark,
        {"in the window": [("treated .5", JUST_OPEN)], "after it": [("treated .5", CLOSES)]},
    )
    rows = labeled(lake.spark, facts, kind, contacts=contacts).collect()
    assert {row.customer_id: (row.treated, row.weight) for row in rows} == {
        "in the window": (True, 0.0),
        "after it": (False, 1.0),
    }


def test_examples_hold_vectors_and_labels_of_each_week(
    lake: Lake,
) -> None:
    spark = lake.spark
    days = ["2024-02-01", "2024-02-20", "2024-04-01"]
    sales = fact_rows(spark, {"C1": [("sale", f"{day} 12:00:00") for day in days]})
    sales = sales.drop("replaced_on").selectExpr(
        "*",
        "to_date(event_ts) arrival_date",
        "ingested_ts stated_ts",
        "false is_correction",
        "false is_gone",
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
            "timestamp'2024-01-01' ingested_ts, timestamp'2024-01-01' stated_ts, "
            "false is_correction, false is_gone"
        ),
        "validated/transactions": sales,
    }
    data = churn_examples(
        weekly_examples(tables.__getitem__, profile, WINDOW, [AS_OF, date(2024, 3, 11)]).toArrow()
    )
    assert data.as_of.astype(str).tolist() == ["2024-03-04", "2024-03-11"]
    assert data.y.tolist() == [0, 0]
    assert data.columns(["recency_days", "revenue_90d"]).tolist() == [[13.0, 40.0], [20.0, 40.0]]
    without = weekly_examples(tables.__getitem__, profile, WINDOW, [])
    assert without.count() == 0 and set(without.columns) == {*BOOKKEEPING, *data.features}
