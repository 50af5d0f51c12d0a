"""How each customer uses the service: logins, features, support, contacts."""

from retention_assets.features.declared.formulas import (
    HABIT,
    NOT_MEASURED,
    decayed_rate,
    nearly_the_same_as,
    ratio_to_habit,
    trend,
    variation,
)
from retention_assets.features.expressions import (
    AllOf,
    DaysSince,
    GreaterThan,
    LessThan,
    Ratio,
    ScoreComponent,
    Sum,
    WeightedScore,
    WindowRate,
)
from retention_assets.features.feature import Feature

# Half a point each: feature use on every other day, one post in three weeks, a login every other
# day. That is near the median of active customers in the embedded source. Fixed values, so that
# one customer's score does not depend on other customers.
FEATURE_USAGE = ScoreComponent(WindowRate("feature_uses", 30), half=0.5, weight=0.3)
COMMUNITY = ScoreComponent(WindowRate("community_posts", 90), half=0.05, weight=0.2)
LOGINS = ScoreComponent(WindowRate("logins", 30), half=0.5, weight=0.3)
ENGAGEMENT = WeightedScore((LOGINS, FEATURE_USAGE, COMMUNITY))

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
        "Rule for reports: no order for 60 days and little engagement. The description "
        "also required more than 5 tickets in 30 days, which customers who went silent do not "
        "open.",
        left_out_because="It restates the label.",
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
    Feature(
        "login_frequency_7d",
        "behavior",
        WindowRate("logins", 7),
        "Logins per day over 7 days of exposure.",
    ),
    Feature(
        "login_frequency_90d",
        "behavior",
        WindowRate("logins", 90),
        "Logins per day over 90 days of exposure.",
    ),
    Feature(
        "login_frequency_180d",
        "behavior",
        WindowRate("logins", 180),
        "Logins per day over 180 days of exposure.",
    ),
    Feature(
        "login_rate_decayed",
        "behavior",
        decayed_rate("logins", half_life_days=14),
        "Logins per day over 180 days of exposure; a day counts half after 14 days.",
    ),
    Feature(
        "login_trend_90d",
        "behavior",
        trend("logins", 90),
        "Logins of the last 90 days against the 90 before.",
    ),
    Feature(
        "active_days_90d",
        "behavior",
        WindowRate("active_days", 90),
        "Share of the last 90 days with any activity.",
    ),
    Feature(
        "feature_use_rate_decayed",
        "behavior",
        decayed_rate("feature_uses", half_life_days=30, steps=(0, 30, 60)),
        "Feature uses per day over 60 days of exposure; a day counts half after 30 days.",
    ),
    Feature(
        "login_frequency_14d",
        "behavior",
        WindowRate("logins", 14),
        "Logins per day over 14 days of exposure.",
        nearly_the_same_as("login_rate_decayed"),
    ),
    Feature(
        "login_frequency_365d",
        "behavior",
        WindowRate("logins", 365),
        "Logins per day over 365 days of exposure.",
        nearly_the_same_as("login_frequency_180d"),
    ),
    Feature(
        "active_days_14d",
        "behavior",
        WindowRate("active_days", 14),
        "Share of the last 14 days with any activity.",
        nearly_the_same_as("active_days_7d"),
    ),
    Feature(
        "logins_to_habit_30d",
        "behavior",
        ratio_to_habit("logins", 30, habit_days=180),
        "Logins per day of the last 30, in units of the customer's own rate in the 150 before.",
        HABIT,
    ),
    Feature(
        "active_days_to_habit_30d",
        "behavior",
        ratio_to_habit("active_days", 30, habit_days=180),
        "Share of active days in the last 30, in units of the customer's own in the 150 before.",
        HABIT,
    ),
    Feature(
        "feature_uses_to_habit_30d",
        "behavior",
        ratio_to_habit("feature_uses", 30, habit_days=180),
        "Feature uses per day of the last 30, in units of the customer's own in the 150 before.",
        HABIT,
    ),
    Feature(
        "login_variation_180d",
        "behavior",
        variation("logins", 180),
        "How unevenly the logins of 180 days are spread over six windows of 30 days: standard "
        "deviation of their rates divided by the mean.",
        NOT_MEASURED,
    ),
    Feature(
        "weekend_login_share_90d",
        "behavior",
        Ratio(Sum("weekend_logins", 90), Sum("logins", 90)),
        "Share of the logins of 90 days on Saturdays and Sundays (UTC).",
        NOT_MEASURED,
    ),
    Feature(
        "feature_uses_per_login_30d",
        "behavior",
        Ratio(Sum("feature_uses", 30), Sum("logins", 30)),
        "Feature uses per login, over 30 days.",
        NOT_MEASURED,
    ),
    Feature(
        "community_trend",
        "behavior",
        trend("community_posts", 90),
        "Community posts of the last 90 days against the 90 before.",
        NOT_MEASURED,
    ),
    Feature(
        "days_since_last_feature_use",
        "behavior",
        DaysSince("feature_uses"),
        "Days since a feature was last used, or since sign-up if none was.",
        NOT_MEASURED,
    ),
    Feature(
        "days_since_last_ticket",
        "behavior",
        DaysSince("tickets"),
        "Days since the last support ticket, or since sign-up if there was none.",
        NOT_MEASURED,
    ),
    Feature(
        "ticket_frequency_365d",
        "behavior",
        WindowRate("tickets", 365),
        "Tickets opened per day over 365 days of exposure.",
        nearly_the_same_as("tickets_90d"),
    ),
    Feature(
        "ticket_trend",
        "behavior",
        trend("tickets", 90),
        "Tickets of the last 90 days against the 90 before.",
        NOT_MEASURED,
    ),
    Feature(
        "low_rated_share_180d",
        "behavior",
        Ratio(Sum("low_rated_tickets", 180), Sum("rated_tickets", 180)),
        "Share of the graded tickets of 180 days with a grade of 1 or 2; unknown without a grade.",
        nearly_the_same_as("ticket_satisfaction_180d"),
    ),
    Feature(
        "days_since_last_contact",
        "behavior",
        DaysSince("contacts"),
        "Days since the last retention contact, or since sign-up if there was none.",
        NOT_MEASURED,
    ),
    Feature(
        "contact_cost_rate_365d",
        "behavior",
        WindowRate("contact_cost", 365),
        "Cost of the retention contacts received, per day over 365 days of exposure.",
        NOT_MEASURED,
    ),
)
