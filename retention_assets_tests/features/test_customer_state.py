"""Facts in, state out: every state by cancellation and by silence, and what was known at the day.

As of Monday 2024-03-04, with 60 days until a silent customer has lapsed.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from retention_assets import keys
from retention_assets.features import assets as features
from retention_assets.features.customer_state import histories, states_as_of, with_state
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import asset_key
from retention_assets.settings import Settings
from retention_assets.sources.profile import Churn
from retention_assets_tests.features.factories import Fact, history_frames
from retention_assets_tests.runs import materialized
from serve.states import ACTIVE, LAPSED, LEFT, RETURNED, STATES, UNKNOWN

STATE_KEY = asset_key(keys.CUSTOMER_STATE)
T = date(2024, 3, 4)
AT_T = "2024-03-04 00:00:00"
JUST_BEFORE_T = "2024-03-03 23:59:59"
SIGN_UP = ("sign-up", "2023-01-10 09:00:00")
LONG_AGO = "2023-06-01 12:00:00"
LATER = "2023-09-01 12:00:00"
RECENTLY = "2024-02-20 12:00:00"
CANCELING = Churn(kind="cancellation")
SILENT = Churn(kind="inactivity", lapsed_after_days=60)
Case = tuple[list[Fact], str, str | None]  # facts, state, since

BY_CANCELLATION: dict[str, Case] = {
    "signed up": ([SIGN_UP], ACTIVE, "2023-01-10"),
    "signed up at t": ([("sign-up", AT_T)], UNKNOWN, None),
    "signed up before t, known at t": ([("sign-up", RECENTLY, AT_T)], UNKNOWN, None),
    "bought without a sign-up": ([("sale", LONG_AGO)], UNKNOWN, None),
    "silent for long": ([SIGN_UP, ("sale", LONG_AGO)], ACTIVE, "2023-01-10"),
    "canceled long ago": ([SIGN_UP, ("cancel", LONG_AGO)], LEFT, "2023-06-01"),
    "canceled just before t": ([SIGN_UP, ("cancel", JUST_BEFORE_T)], LEFT, "2024-03-03"),
    "canceled at t": ([SIGN_UP, ("cancel", AT_T)], ACTIVE, "2023-01-10"),
    "canceled, known at t": ([SIGN_UP, ("cancel", LONG_AGO, AT_T)], ACTIVE, "2023-01-10"),
    "canceled, taken back": (
        [SIGN_UP, ("cancel", LONG_AGO, LONG_AGO, "2024-03-03")],
        ACTIVE,
        "2023-01-10",
    ),
    "canceled, taken back at t": (
        [SIGN_UP, ("cancel", LONG_AGO, LONG_AGO, "2024-03-04")],
        LEFT,
        "2023-06-01",
    ),
    "bought after": (
        [SIGN_UP, ("cancel", LONG_AGO), ("sale", LATER), ("sale", RECENTLY)],
        RETURNED,
        "2023-09-01",
    ),
    "bought before": ([SIGN_UP, ("sale", LONG_AGO), ("cancel", LATER)], LEFT, "2023-09-01"),
    "sent back after": ([SIGN_UP, ("cancel", LONG_AGO), ("return", LATER)], LEFT, "2023-06-01"),
    "bought after, known at t": (
        [SIGN_UP, ("cancel", LONG_AGO), ("sale", LATER, AT_T)],
        LEFT,
        "2023-06-01",
    ),
    "bought at t": ([SIGN_UP, ("cancel", LONG_AGO), ("sale", AT_T)], LEFT, "2023-06-01"),
    "canceled twice": ([SIGN_UP, ("cancel", LONG_AGO), ("cancel", LATER)], LEFT, "2023-09-01"),
    "canceled again after a return": (
        [SIGN_UP, ("cancel", LONG_AGO), ("sale", LATER), ("cancel", RECENTLY)],
        LEFT,
        "2024-02-20",
    ),
    "signed up again": (
        [SIGN_UP, ("cancel", LONG_AGO), ("sign-up", LATER)],
        RETURNED,
        "2023-09-01",
    ),
    "took another plan": (
        [SIGN_UP, ("cancel", LONG_AGO), ("premium", LATER)],
        RETURNED,
        "2023-09-01",
    ),
    "lost the plan": ([SIGN_UP, ("cancel", LONG_AGO), ("no plan", LATER)], LEFT, "2023-06-01"),
    "opted out of mail": ([SIGN_UP, ("cancel", LONG_AGO), ("opt-out", LATER)], LEFT, "2023-06-01"),
}

BY_SILENCE: dict[str, Case] = {
    "never bought": ([SIGN_UP], UNKNOWN, None),
    "only sent back": ([SIGN_UP, ("return", RECENTLY)], UNKNOWN, None),
    "bought without a sign-up": ([("sale", RECENTLY)], UNKNOWN, None),
    "bought just before t": ([SIGN_UP, ("sale", JUST_BEFORE_T)], ACTIVE, "2024-03-03"),
    "bought at t": ([SIGN_UP, ("sale", AT_T)], UNKNOWN, None),
    "bought, known at t": ([SIGN_UP, ("sale", RECENTLY, AT_T)], UNKNOWN, None),
    "bought 60 days ago": ([SIGN_UP, ("sale", "2024-01-04 00:00:00")], ACTIVE, "2024-01-04"),
    "bought 61 days ago": ([SIGN_UP, ("sale", "2024-01-03 23:59:59")], LAPSED, "2024-03-04"),
    "bought long ago": ([SIGN_UP, ("sale", LONG_AGO)], LAPSED, "2023-08-01"),
    "bought often": (
        [SIGN_UP, ("sale", "2023-11-15 10:00:00"), ("sale", "2024-01-14 10:00:00")],
        ACTIVE,
        "2023-11-15",
    ),
    "came back": ([SIGN_UP, ("sale", LONG_AGO), ("sale", RECENTLY)], RETURNED, "2024-02-20"),
    "came back after 61 days": (
        [SIGN_UP, ("sale", "2023-11-15 23:00:00"), ("sale", "2024-01-15 01:00:00")],
        RETURNED,
        "2024-01-15",
    ),
    "came back long ago": (
        [SIGN_UP, ("sale", "2023-02-01 10:00:00"), ("sale", LATER), ("sale", "2023-10-20 10:00:00"),
         ("sale", "2023-12-10 10:00:00"), ("sale", "2024-01-30 10:00:00")],
        RETURNED,
        "2023-09-01",
    ),
    "came back, known at t": (
        [SIGN_UP, ("sale", LONG_AGO), ("sale", RECENTLY, AT_T)],
        LAPSED,
        "2023-08-01",
    ),
    "silence was filled late": (
        [SIGN_UP, ("sale", "2023-12-01 10:00:00"), ("sale", RECENTLY),
         ("sale", "2024-01-10 10:00:00", AT_T)],
        RETURNED,
        "2024-02-20",
    ),
    "last purchase taken back": (
        [SIGN_UP, ("sale", LONG_AGO), ("sale", RECENTLY, RECENTLY, "2024-03-03")],
        LAPSED,
        "2023-08-01",
    ),
    "canceled": ([SIGN_UP, ("sale", RECENTLY), ("cancel", RECENTLY)], ACTIVE, "2024-02-20"),
}  # fmt: skip
KINDS = pytest.mark.parametrize(
    ("churn", "cases"), [(CANCELING, BY_CANCELLATION), (SILENT, BY_SILENCE)], ids=lambda value: ""
)


def states(
    spark: SparkSession, facts: Mapping[str, Sequence[Fact]], churn: Churn, day: date = T
) -> dict[str, tuple[str, str | None]]:
    """Customer -> state and since, as of the day."""
    tables: dict[str, Any] = history_frames(spark, facts)
    if churn.kind == "inactivity":
        tables["cancellations"] = None
    pairs = spark.createDataFrame([(who, day) for who in facts], "customer_id string, as_of date")
    rows = states_as_of(pairs, histories(**tables, churn=churn), churn).collect()
    assert len(rows) == len(facts)
    return {row.customer_id: (row.state, row.since and str(row.since)) for row in rows}


@KINDS
def test_customers_are_in_the_state_of_the_table(
    lake: Lake, churn: Churn, cases: dict[str, Case]
) -> None:
    facts = {who: events for who, (events, *_) in cases.items()}
    expected = {who: (state, since) for who, (_, state, since) in cases.items()}
    assert states(lake.spark, facts, churn) == expected


@KINDS
def test_facts_after_the_day_change_no_state(
    lake: Lake, churn: Churn, cases: dict[str, Case]
) -> None:
    """Whatever happens at t or later, and whatever is reported then of earlier days."""
    facts = {who: events for who, (events, *_) in cases.items()}
    later = {
        f"{who}, then {what}": [
            *events, (what, AT_T), (what, "2024-05-01 10:00:00"), (what, LATER, AT_T)
        ]
        for who, events in facts.items()
        for what in ("sale", "cancel", "sign-up", "premium")
    }  # fmt: skip
    for who, state in states(lake.spark, later, churn).items():
        _, expected, since = cases[who.rsplit(", then ", 1)[0]]
        assert state == (expected, since), who


def test_lapsed_customer_becomes_returned_and_lapses_again(lake: Lake) -> None:
    facts = {"C1": [SIGN_UP, ("sale", LONG_AGO), ("sale", RECENTLY)]}
    last = date(2024, 2, 20)
    days = {
        date(2023, 6, 2): ACTIVE,
        date(2023, 7, 31): ACTIVE,
        date(2023, 8, 1): LAPSED,
        last: LAPSED,
        last + timedelta(days=1): RETURNED,
        last + timedelta(days=60): RETURNED,
        last + timedelta(days=61): LAPSED,
    }
    assert {day: states(lake.spark, facts, SILENT, day)["C1"][0] for day in days} == days


def test_given_labels_leave_customers_active_once_known(lake: Lake) -> None:
    """Where the source has cancellations too, they say who has left."""
    churn = Churn(kind="label")
    facts = {who: events for who, (events, *_) in BY_CANCELLATION.items()}
    expected = {who: (state, since) for who, (_, state, since) in BY_CANCELLATION.items()}
    assert states(lake.spark, facts, churn) == expected
    tables: dict[str, Any] = history_frames(lake.spark, facts) | {"cancellations": None}
    pairs = lake.spark.createDataFrame([("canceled long ago", T)], "customer_id string, as_of date")
    (row,) = states_as_of(pairs, histories(**tables, churn=churn), churn).collect()
    assert row.state == ACTIVE


def test_state_of_a_day_can_be_read_with_later_knowledge(lake: Lake) -> None:
    facts = {"C1": [SIGN_UP, ("cancel", RECENTLY, "2024-03-08 10:00:00")]}
    customers = histories(**history_frames(lake.spark, facts), churn=CANCELING)
    for known_on, state in ((T, ACTIVE), (date(2024, 3, 8), ACTIVE), (date(2024, 3, 9), LEFT)):
        frame = with_state(
            customers, "now", day=F.lit(T), known_on=F.lit(known_on), churn=CANCELING
        )
        assert [row.now.state for row in frame.collect()] == [state]


def test_asset_has_a_row_per_customer_known_at_the_watermark(
    own_lake: Lake, tmp_path: Path
) -> None:
    facts = {
        "left": [SIGN_UP, ("cancel", RECENTLY)],
        "stays": [SIGN_UP],
        "signs up later": [("sign-up", AT_T)],
    }
    names = {
        "customers": "customers",
        "cancellations": "churn_events",
        "transactions": "transactions",
    }
    for name, frame in history_frames(own_lake.spark, facts).items():
        validated = frame.drop("replaced_on").selectExpr(
            "*",
            "ingested_ts stated_ts",
            "false is_correction",
            "false is_gone",
            "uuid() transaction_id",
        )
        own_lake.overwrite(f"validated/{names[name]}", validated)
    watermark = own_lake.spark.createDataFrame([(T - timedelta(days=1),)], "watermark date")
    own_lake.overwrite("validated/watermark", watermark)
    stage = features.assets(Platform.of(Settings(home=tmp_path, source="simulated")))
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            stage, resources={"lake": own_lake}, selection=[STATE_KEY], instance=instance
        )
    rows = [
        tuple(row) for row in own_lake.read(keys.CUSTOMER_STATE).orderBy("customer_id").collect()
    ]
    assert rows == [
        ("left", T, LEFT, date(2024, 2, 20)),
        ("stays", T, ACTIVE, date(2023, 1, 10)),
    ]
    metadata = materialized(result)[keys.CUSTOMER_STATE]
    assert {name: metadata[name] for name in (*STATES, "as_of", "dagster/row_count")} == {
        "active": 1, "returned": 0, "lapsed": 0, "left": 1, "unknown": 0,
        "as_of": str(T), "dagster/row_count": 2,
    }  # fmt: skip
    assert all(column.description for column in metadata["dagster/column_schema"].columns)


def test_silence_counts_from_the_horizon_by_default() -> None:
    assert Churn(kind="inactivity", horizon_days=45).days_to_lapse == 45
    assert Churn(kind="inactivity", horizon_days=45, lapsed_after_days=60).days_to_lapse == 60
