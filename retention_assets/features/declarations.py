"""The features: name, group, expression, meaning. To add one, add a row; both engines compute it.

If a formula of the project's original description was wrong, the name keeps the intent and
`meaning` says what was wrong. `clv_score` belongs to value/*, which estimates it from margin and
survival. availability.py says which features a source can fill.
"""

from dataclasses import dataclass
from typing import Literal

from retention_assets.features.expressions import (
    AllOf,
    AttributeEquals,
    DaysSince,
    Exposure,
    Expression,
    GreaterThan,
    LessThan,
    Ratio,
    ScoreComponent,
    SignedLogRatio,
    Sum,
    TenureDays,
    WeightedScore,
    WindowRate,
)
from retention_assets.sources.contracts import ACQUISITION_CHANNELS, PLANS

Group = Literal["demographics", "transactions", "behavior"]


@dataclass(frozen=True)
class Feature:
    """One feature. `model_input`: models may read it. `monitored`: False if it grows with time, so
    that a shift of it is not drift."""

    name: str
    group: Group
    expression: Expression
    meaning: str
    model_input: bool = True
    monitored: bool = True


def trend(measure: str, days: int) -> SignedLogRatio:
    """The last `days` days against the `days` before them, both scaled by exposure to a full
    window.
    """
    return SignedLogRatio(
        WindowRate(measure, days, per_days=days),
        WindowRate(measure, 2 * days, until=days, per_days=days),
    )


DAYS_BETWEEN_ORDERS = Ratio(Exposure(), Sum("purchases"))
# Half a point each: feature use on every other day, one post in three weeks, a login every other
# day. That is near the median of active customers in the embedded source. Fixed values, so that
# one customer's score does not depend on other customers.
FEATURE_USAGE = ScoreComponent(WindowRate("feature_uses", 30), half=0.5, weight=0.3)
COMMUNITY = ScoreComponent(WindowRate("community_posts", 90), half=0.05, weight=0.2)
LOGINS = ScoreComponent(WindowRate("logins", 30), half=0.5, weight=0.3)
ENGAGEMENT = WeightedScore((LOGINS, FEATURE_USAGE, COMMUNITY))

DEMOGRAPHIC_FEATURES: tuple[Feature, ...] = (
    Feature("tenure_days", "demographics", TenureDays(), "Days since sign-up.", monitored=False),
    *(
        Feature(
            f"plan_{plan}", "demographics", AttributeEquals("plan", plan), f"On the {plan} plan."
        )
        for plan in PLANS
    ),
    *(
        Feature(
            f"channel_{channel}",
            "demographics",
            AttributeEquals("acquisition_channel", channel),
            f"Signed up through {channel}.",
        )
        for channel in ACQUISITION_CHANNELS
    ),
    Feature(
        "email_opt_in",
        "demographics",
        AttributeEquals("email_opt_in", "true"),
        "Consents to retention mail.",
    ),
)

TRANSACTION_FEATURES: tuple[Feature, ...] = (
    Feature(
        "recency_days",
        "transactions",
        DaysSince("purchases"),
        "Days since the last order, or since sign-up if there was none. "
        "The description counted from the wall clock, which gives old examples today's recency.",
    ),
    Feature(
        "purchase_frequency_30d",
        "transactions",
        WindowRate("purchases", 30),
        "Orders per day over 30 days. The description divided by 30 even for customers who joined "
        "later than that.",
    ),
    Feature(
        "purchase_frequency_90d",
        "transactions",
        WindowRate("purchases", 90),
        "Orders per day over 90 days of exposure.",
    ),
    Feature(
        "purchase_frequency_180d",
        "transactions",
        WindowRate("purchases", 180),
        "Orders per day over 180 days of exposure.",
    ),
    Feature("orders_total", "transactions", Sum("purchases"), "Orders so far.", monitored=False),
    Feature(
        "days_between_orders",
        "transactions",
        DAYS_BETWEEN_ORDERS,
        "Days of exposure per order; unknown before the first order.",
    ),
    Feature(
        "overdue_ratio",
        "transactions",
        Ratio(DaysSince("purchases"), DAYS_BETWEEN_ORDERS),
        "Recency in units of the customer's own gap between orders.",
    ),
    Feature(
        "avg_order_value",
        "transactions",
        Ratio(Sum("revenue"), Sum("purchases")),
        "Sales per order so far; unknown without orders. The description gave customers without "
        "orders 0, which means cheap rather than unknown.",
    ),
    Feature(
        "total_revenue",
        "transactions",
        Sum("net_revenue"),
        "Sales less returns so far.",
        monitored=False,
    ),
    Feature(
        "revenue_30d", "transactions", Sum("net_revenue", 30), "Sales less returns in 30 days."
    ),
    Feature(
        "revenue_90d", "transactions", Sum("net_revenue", 90), "Sales less returns in 90 days."
    ),
    Feature(
        "revenue_trend",
        "transactions",
        trend("net_revenue", 30),
        "Net revenue of the last 30 days against the 30 before, signed log ratio. The description "
        "compared 30 days with the 60 that contain them, so steady customers always declined, and "
        "clipped at 1, which hid refunds and scale.",
    ),
    Feature(
        "purchase_trend",
        "transactions",
        trend("purchases", 90),
        "Orders of the last 90 days against the 90 before.",
    ),
    Feature(
        "items_per_order",
        "transactions",
        Ratio(Sum("items"), Sum("purchases")),
        "Units per order so far.",
    ),
    Feature(
        "return_rate_90d",
        "transactions",
        Ratio(Sum("return_amount", 90), Sum("revenue", 90)),
        "Value returned divided by value sold in 90 days; unknown without sales.",
    ),
    Feature(
        "return_share",
        "transactions",
        Ratio(Sum("returns"), Sum("purchases")),
        "Returns per order so far.",
    ),
)

BEHAVIOR_FEATURES: tuple[Feature, ...] = (
    Feature(
        "login_frequency_30d",
        "behavior",
        WindowRate("logins", 30),
        "Logins per day over 30 days of exposure.",
    ),
    Feature(
        "login_trend",
        "behavior",
        trend("logins", 30),
        "Logins of the last 30 days against the 30 before.",
    ),
    Feature(
        "days_since_last_login",
        "behavior",
        DaysSince("logins"),
        "Days since the last login, or since sign-up if there was none.",
    ),
    Feature(
        "active_days_30d",
        "behavior",
        WindowRate("active_days", 30),
        "Share of the last 30 days with any activity.",
    ),
    Feature(
        "active_days_7d",
        "behavior",
        WindowRate("active_days", 7),
        "Share of the last 7 days with any activity.",
    ),
    Feature(
        "seconds_per_active_day_30d",
        "behavior",
        Ratio(Sum("engagement_seconds", 30), Sum("active_days", 30)),
        "Seconds spent on a day with activity, over 30 days.",
    ),
    Feature(
        "feature_usage_score",
        "behavior",
        WeightedScore((FEATURE_USAGE,)),
        "Feature uses per day over 30 days, scaled to 0 to 1.",
    ),
    Feature(
        "feature_usage_trend",
        "behavior",
        trend("feature_uses", 30),
        "Feature uses of the last 30 days against the 30 before.",
    ),
    Feature(
        "community_participation",
        "behavior",
        WeightedScore((COMMUNITY,)),
        "Community posts per day over 90 days, scaled to 0 to 1.",
    ),
    Feature(
        "engagement_score",
        "behavior",
        ENGAGEMENT,
        "Logins, feature uses and posts, each scaled to 0 to 1, weighted .3, .3, .2. The "
        "description added raw counts in mixed units, let support contacts raise engagement, and "
        "lost the whole score to one null.",
    ),
    Feature(
        "high_risk_churn",
        "behavior",
        AllOf((GreaterThan(DaysSince("purchases"), 60), LessThan(ENGAGEMENT, 0.3))),
        "Rule for reports: no order for 60 days and little engagement. Models never read it, "
        "because it restates the label. The description also required more than 5 tickets in 30 "
        "days, which customers who went silent do not open.",
        model_input=False,
    ),
    Feature("support_tickets_30d", "behavior", Sum("tickets", 30), "Tickets opened in 30 days."),
    Feature("tickets_90d", "behavior", Sum("tickets", 90), "Tickets opened in 90 days."),
    Feature(
        "severe_tickets_90d",
        "behavior",
        Sum("severe_tickets", 90),
        "Tickets of high severity opened in 90 days.",
    ),
    Feature(
        "ticket_satisfaction_180d",
        "behavior",
        Ratio(Sum("satisfaction_points", 180), Sum("rated_tickets", 180)),
        "Mean grade of support tickets in 180 days; unknown without a grade.",
    ),
    Feature(
        "contacts_90d", "behavior", Sum("contacts", 90), "Retention contacts received in 90 days."
    ),
)

FEATURES: tuple[Feature, ...] = DEMOGRAPHIC_FEATURES + TRANSACTION_FEATURES + BEHAVIOR_FEATURES
