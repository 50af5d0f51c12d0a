"""Which rule decides for a customer, what a source without some tables can tell apart, versions."""

from dataclasses import replace
from typing import Any

import pytest

from retention_assets.features.availability import available_features
from retention_assets.features.declarations import FEATURES
from retention_assets.resources.lake import Lake
from retention_assets.value.segments import (
    STATE_CRITERIA,
    Criterion,
    Segment,
    columns_read,
    declared_segments,
    segment_expression,
    segment_version,
    segments_for,
)
from serve.segments import SEGMENT_NAMES
from serve.states import ACTIVE, LAPSED, LEFT, RETURNED

DECLARED = declared_segments(600.0)
FEATURE_COLUMNS = {feature.name for feature in FEATURES}
USUAL: dict[str, Any] = {
    "state": ACTIVE,
    "days_in_state": 400,
    "tenure_days": 400.0,
    "orders_total": 20.0,
    "overdue_ratio": 0.5,
    "revenue_90d": 900.0,
    "days_between_orders": 14.0,
    "purchase_trend": 0.0,
    "engagement_score": 0.5,
}
SCHEMA = ", ".join(
    f"{name} {'string' if name == 'state' else 'int' if name == 'days_in_state' else 'double'}"
    for name in USUAL
)
# What is unusual about a customer, and the segment.
CUSTOMERS: list[tuple[dict[str, Any], str]] = [
    ({}, "champions"),
    ({"state": LEFT}, "left"),
    ({"state": LAPSED, "tenure_days": 5.0}, "lapsed"),
    ({"state": RETURNED, "days_in_state": 179, "overdue_ratio": 9.0}, "won_back"),
    ({"state": RETURNED, "days_in_state": 180}, "champions"),
    ({"tenure_days": 29.0, "orders_total": 0.0}, "newcomers"),
    ({"tenure_days": 30.0, "orders_total": 0.0}, "yet_to_buy"),
    ({"orders_total": 1.0, "overdue_ratio": 1.0}, "one_time_buyers"),
    ({"overdue_ratio": 3.1}, "overdue_big_spenders"),
    ({"overdue_ratio": 3.1, "revenue_90d": 599.99}, "overdue"),
    ({"overdue_ratio": 3.0, "revenue_90d": 599.99}, "regulars"),
    ({"purchase_trend": -0.7}, "cooling"),
    ({"engagement_score": 0.14}, "cooling"),
    ({"engagement_score": 0.15}, "regulars"),
    ({"days_between_orders": 30.0, "revenue_90d": 100.0}, "regulars"),
    ({"days_between_orders": 31.0}, "occasional"),
    ({name: None for name in USUAL if name not in STATE_CRITERIA}, "occasional"),
]


def segments_in_spark(
    lake: Lake, customers: list[dict[str, Any]], segments: list[Segment]
) -> list[str]:
    """The names by the rules as Spark evaluates them, in the order of the customers."""
    rows = [(*customer.values(), at) for at, customer in enumerate(customers)]
    frame = lake.spark.createDataFrame(rows, f"{SCHEMA}, place int")
    named = frame.selectExpr("place", f"{segment_expression(segments)} AS segment")
    return [row["segment"] for row in named.orderBy("place").collect()]


def test_first_rule_that_holds_decides(lake: Lake) -> None:
    customers = [USUAL | unusual for unusual, _ in CUSTOMERS]
    expected = [name for _, name in CUSTOMERS]
    assert segments_in_spark(lake, customers, list(DECLARED)) == expected
    assert set(expected) == set(SEGMENT_NAMES)


def test_segments_are_the_published_names_with_all_texts() -> None:
    assert [segment.name for segment in DECLARED] == list(SEGMENT_NAMES)
    assert all(segment.meaning and segment.play for segment in DECLARED)
    assert DECLARED[-1].rule == "true" and "true" not in [item.rule for item in DECLARED[:-1]]


def test_rules_read_declared_features_and_the_state() -> None:
    assert columns_read(DECLARED) <= FEATURE_COLUMNS | set(STATE_CRITERIA)


@pytest.mark.parametrize(
    ("tables", "absent", "changed"),
    [
        (
            ["customers", "transactions"],
            set(),
            {"cooling": "purchase_trend <= -0.69"},
        ),
        (
            ["customers", "engagement_events"],
            {
                "yet_to_buy",
                "one_time_buyers",
                "overdue_big_spenders",
                "overdue",
                "champions",
                "regulars",
            },
            {"cooling": "engagement_score < 0.15"},
        ),
        (
            ["customers"],
            set(SEGMENT_NAMES) - {"left", "lapsed", "won_back", "newcomers", "occasional"},
            {},
        ),
    ],
)
def test_rules_do_without_columns_that_a_source_lacks(
    tables: list[str], absent: set[str], changed: dict[str, str]
) -> None:
    features = {feature.name for feature in available_features(FEATURES, tables)}
    segments = segments_for(features | set(STATE_CRITERIA), DECLARED)
    assert set(SEGMENT_NAMES) - {segment.name for segment in segments} == absent
    assert columns_read(segments) <= features | set(STATE_CRITERIA)
    rules = {segment.name: segment.rule for segment in segments}
    assert rules | changed == rules


def test_champions_need_no_engagement_where_nobody_logs_it() -> None:
    columns = FEATURE_COLUMNS - {"engagement_score"} | set(STATE_CRITERIA)
    (champions,) = [item for item in segments_for(columns, DECLARED) if item.name == "champions"]
    assert champions.rule == "revenue_90d >= 600 AND days_between_orders <= 30"


def test_version_changes_with_names_rules_and_their_order() -> None:
    version = segment_version(DECLARED)
    first, second, *others = DECLARED
    new_rule = replace(first, all_of=(Criterion("state", "=", "gone"),))
    assert segment_version([new_rule, second, *others]) != version
    assert segment_version([second, first, *others]) != version
    assert segment_version([replace(first, name="lapsed"), second, *others]) != version
    assert segment_version([replace(first, play="Call."), second, *others]) == version
    assert segment_version(declared_segments(500.0)) != version


def test_rule_with_alternatives_is_put_in_parentheses() -> None:
    state = Criterion("state", "=", ACTIVE)
    trends = (Criterion("purchase_trend", "<", 0), Criterion("login_trend", "<", 0.5))
    segment = Segment("cooling", "Cools.", "Ask.", all_of=(state,), any_of=trends)
    assert segment.rule == "state = 'active' AND (purchase_trend < 0 OR login_trend < 0.5)"
