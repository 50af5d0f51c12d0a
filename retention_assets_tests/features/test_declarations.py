"""Features computed by hand for one customer, features of incomplete sources, and label leaks."""

from datetime import timedelta
from math import log1p
from typing import Any

import pytest

from retention_assets.errors import LeakError
from retention_assets.features.availability import (
    missing_features,
    model_features,
    refuse_label_columns,
)
from retention_assets.features.declarations import FEATURES
from retention_assets.features.engine_python import compute_features
from retention_assets.features.expressions import DaysSince, GreaterThan, Sum
from retention_assets.features.feature import Feature
from retention_assets.features.measures import MEASURES_BY_NAME, Measure
from retention_assets.features.running_totals import RequiredTotals
from retention_assets.settings import Settings
from retention_assets.sources.contracts import TABLES
from retention_assets.sources.load_profile import load_profile
from retention_assets.sources.profile import CHURN_TABLE
from retention_assets_tests.features.factories import START, customer, tile

AS_OF = START + timedelta(days=200)
SILENT_SINCE_DAY_130 = [
    tile("a", 10, purchases=1, revenue=50, net_revenue=50, items=2, logins=3),
    tile(
        "a",
        130,
        purchases=2,
        revenue=100,
        net_revenue=90,
        items=3,
        returns=1,
        return_amount=10,
        logins=1,
        active_days=1,
    ),
    tile(
        "a",
        185,
        tickets=2,
        severe_tickets=1,
        feature_uses=15,
        community_posts=1,
        logins=6,
        active_days=1,
    ),
]
EXPECTED = {
    "recency_days": 70,
    "tenure_days": 200,
    "purchase_frequency_30d": 0,
    "purchase_frequency_90d": 2 / 90,
    "purchase_frequency_180d": 2 / 180,
    "avg_order_value": 50.0,
    "total_revenue": 140.0,
    "revenue_trend": 0.0,
    "purchase_trend": log1p(2),
    "support_tickets_30d": 2,
    "tickets_90d": 2,
    "login_frequency_30d": 6 / 30,
    "feature_usage_score": 0.5 / (0.5 + 0.5),
    "community_participation": (1 / 90) / (1 / 90 + 0.05),
    "engagement_score": (0.3 * (0.2 / 0.7) + 0.3 * 0.5 + 0.2 * (1 / 90) / (1 / 90 + 0.05)) / 0.8,
    "high_risk_churn": 0,
    "days_between_orders": 200 / 3,
    "overdue_ratio": 70 / (200 / 3),
    "return_rate_90d": 0.1,
    "plan_basic": 1,
    "plan_premium": 0,
    "channel_organic": None,
}


@pytest.mark.parametrize(("name", "expected"), EXPECTED.items())
def test_features_equal_a_count_by_hand(name: str, expected: float | None) -> None:
    values = compute_features(
        SILENT_SINCE_DAY_130, [customer("a", 0, plan="basic")], AS_OF, FEATURES, START
    )
    assert values is not None
    assert values[name] == (None if expected is None else pytest.approx(expected))


def test_rates_divide_by_exposure() -> None:
    """A customer of five days with one order buys .2 per day, not 1/30."""
    rows = [tile("a", 197, purchases=1)]
    values = compute_features(rows, [customer("a", 195)], AS_OF, FEATURES, START)
    assert values is not None and values["purchase_frequency_30d"] == pytest.approx(1 / 5)


def test_steady_buyer_has_no_trend() -> None:
    rows = [tile("a", day, net_revenue=10) for day in range(140, 200)]
    values = compute_features(rows, [customer("a", 0)], AS_OF, FEATURES, START)
    assert values is not None and values["revenue_trend"] == pytest.approx(0.0)


def test_risk_rule_is_not_a_model_input() -> None:
    values = compute_features(
        [tile("a", 10, purchases=1)], [customer("a", 0)], AS_OF, FEATURES, START
    )
    assert values is not None and values["high_risk_churn"] == 1
    assert "high_risk_churn" not in model_features(TABLES)


def test_unknown_customer_has_no_features() -> None:
    assert compute_features([], [customer("a", 200)], AS_OF, FEATURES, START) is None
    assert compute_features([], [customer("a", 199, late=2)], AS_OF, FEATURES, START) is None


def test_missing_features_name_the_missing_column() -> None:
    profile = load_profile(Settings(source="simulated"))
    assert missing_features(FEATURES, profile.tables) == {}
    bare = {"transactions": ("order_id", "kind"), "customers": ("customer_id",)}
    reasons = missing_features(FEATURES, bare)
    assert reasons["login_frequency_30d"] == "the source has no engagement_events"
    assert reasons["avg_order_value"] == "the source has no transactions.amount"
    assert reasons["plan_basic"] == "the source has no customers.plan"
    assert "recency_days" in model_features(bare) and "avg_order_value" not in model_features(bare)


class Source:
    """The part of a profile that the leak rule reads."""

    def __init__(self, kind: str) -> None:
        self.name = "shop"
        self.churn = self
        self.kind = kind


LEAVES = Measure("leaves", "Churn events.", "churn_events", "count")
OUTCOMES = Measure("outcomes", "Given outcomes.", "churn_labels", "count")
LABEL_MEASURES = {measure.name: measure for measure in (LEAVES, OUTCOMES)}


@pytest.mark.parametrize(
    ("kind", "expression", "leak"),
    [
        ("cancellation", Sum("leaves", 30), "measure leaves of churn_events"),
        ("label", Sum("outcomes", 30), "measure outcomes of churn_labels"),
        ("inactivity", Sum("outcomes", 30), "measure outcomes of churn_labels"),
        (
            "inactivity",
            GreaterThan(DaysSince("purchases"), 90),
            "a limit on the days since the last purchase",
        ),
    ],
)
def test_feature_that_defines_the_label_is_refused(kind: str, expression: Any, leak: str) -> None:
    feature = Feature("leaky", "behavior", expression, "Reads the label.")
    with pytest.raises(LeakError, match=f"leaky reads {leak}, which defines churn in source shop"):
        refuse_label_columns([feature], Source(kind), MEASURES_BY_NAME | LABEL_MEASURES)


def test_declared_features_do_not_leak() -> None:
    for kind in CHURN_TABLE:
        refuse_label_columns(FEATURES, Source(kind))


def value_of(name: str, tiles: list[dict[str, Any]], joined: int = 0) -> float | None:
    values = compute_features(tiles, [customer("a", joined)], AS_OF, FEATURES, START)
    assert values is not None
    return values[name]


def test_decayed_rate_of_steady_logins_is_their_rate() -> None:
    """Sums and days of exposure have the same weights, also for a customer of 40 days."""
    for joined in (0, 160):
        rows = [tile("a", day, logins=2) for day in range(joined, 200)]
        assert value_of("login_rate_decayed", rows, joined) == pytest.approx(2)


def test_decayed_rate_counts_recent_days_more() -> None:
    recent = value_of("purchase_rate_decayed", [tile("a", 190, purchases=1)])
    earlier = value_of("purchase_rate_decayed", [tile("a", 100, purchases=1)])
    assert recent and earlier and recent > 3 * earlier > 0


def test_decayed_rate_is_near_the_exponential_one() -> None:
    """Orders every nine days, more of them lately: the steps are within a tenth of the exact."""
    days = [*range(20, 150, 9), *range(150, 200, 4)]
    weights = [2 ** (-(200 - day - 0.5) / 30) for day in range(20, 200)]
    exact = sum(2 ** (-(200 - day - 0.5) / 30) for day in days) / sum(weights)
    rows = [tile("a", day, purchases=1) for day in days]
    assert value_of("purchase_rate_decayed", rows) == pytest.approx(exact, rel=0.1)


def test_variation_is_zero_for_steady_and_high_for_bursts() -> None:
    steady = [tile("a", day, purchases=1) for day in range(20, 200, 10)]
    assert value_of("purchase_variation_180d", steady) == pytest.approx(0)
    burst = [tile("a", 190, purchases=18)]
    assert value_of("purchase_variation_180d", burst) == pytest.approx(5**0.5)


def test_variation_of_too_little_is_unknown() -> None:
    assert value_of("purchase_variation_180d", []) is None
    one_window = [tile("a", 195, purchases=1)]
    assert value_of("purchase_variation_180d", one_window, joined=180) is None


def test_features_left_out_of_models_say_why() -> None:
    reasons = [item.left_out_because for item in FEATURES if item.left_out_because]
    assert len(FEATURES) - len(reasons) == len(model_features(list(TABLES))) <= 54
    assert all(reason.endswith(".") for reason in reasons)


def test_models_read_few_distinct_windows() -> None:
    """Each further window multiplies the tiles that the examples of many days are summed from."""
    inputs = [item.expression for item in FEATURES if item.is_model_input]
    totals = RequiredTotals.of(inputs).totals
    assert {days for _, days in totals} <= {0, 7, 30, 60, 90, 180}
    assert len(totals) <= 46


def test_models_read_no_total_that_only_grows() -> None:
    inputs = [feature.expression for feature in FEATURES if feature.is_model_input]
    totals = [item.days for item in inputs if isinstance(item, Sum)]
    assert totals and None not in totals
