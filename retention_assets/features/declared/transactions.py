"""What each customer buys: how often, how recently, for how much, and how that changes."""

from retention_assets.features.declared.formulas import (
    GROWS,
    HABIT,
    NOT_MEASURED,
    decayed_rate,
    nearly_the_same_as,
    ratio_to_habit,
    trend,
    variation,
)
from retention_assets.features.expressions import DaysSince, Exposure, Ratio, Sum, WindowRate
from retention_assets.features.feature import Feature

DAYS_BETWEEN_ORDERS = Ratio(Exposure(), Sum("purchases"))
DAYS_BETWEEN_ORDERS_180D = Ratio(Exposure(180), Sum("purchases", 180))
ORDER_VALUE = Ratio(Sum("revenue"), Sum("purchases"))

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
    Feature("orders_total", "transactions", Sum("purchases"), "Orders so far.", GROWS),
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
        ORDER_VALUE,
        "Sales per order so far; unknown without orders. The description gave customers without "
        "orders 0, which means cheap rather than unknown.",
    ),
    Feature(
        "total_revenue",
        "transactions",
        Sum("net_revenue"),
        "Sales less returns so far.",
        GROWS,
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
    Feature(
        "purchase_frequency_60d",
        "transactions",
        WindowRate("purchases", 60),
        "Orders per day over 60 days of exposure.",
    ),
    Feature(
        "purchase_rate_decayed",
        "transactions",
        decayed_rate("purchases", half_life_days=30),
        "Orders per day over 180 days of exposure; a day counts half after 30 days.",
    ),
    Feature(
        "purchase_trend_30d",
        "transactions",
        trend("purchases", 30),
        "Orders of the last 30 days against the 30 before.",
    ),
    Feature(
        "revenue_rate_180d",
        "transactions",
        WindowRate("net_revenue", 180),
        "Sales less returns per day over 180 days of exposure.",
    ),
    Feature(
        "revenue_rate_decayed",
        "transactions",
        decayed_rate("net_revenue", half_life_days=30),
        "Sales less returns per day over 180 days of exposure; a day counts half after 30 days.",
    ),
    Feature(
        "revenue_trend_90d",
        "transactions",
        trend("net_revenue", 90),
        "Net revenue of the last 90 days against the 90 before.",
    ),
    Feature(
        "purchase_frequency_7d",
        "transactions",
        WindowRate("purchases", 7),
        "Orders per day over 7 days of exposure.",
        nearly_the_same_as("purchase_rate_decayed"),
    ),
    Feature(
        "purchase_frequency_14d",
        "transactions",
        WindowRate("purchases", 14),
        "Orders per day over 14 days of exposure.",
        nearly_the_same_as("purchase_rate_decayed"),
    ),
    Feature(
        "purchase_frequency_365d",
        "transactions",
        WindowRate("purchases", 365),
        "Orders per day over 365 days of exposure.",
        nearly_the_same_as("days_between_orders"),
    ),
    Feature(
        "revenue_rate_7d",
        "transactions",
        WindowRate("net_revenue", 7),
        "Sales less returns per day over 7 days of exposure.",
        nearly_the_same_as("revenue_rate_decayed"),
    ),
    Feature(
        "revenue_rate_14d",
        "transactions",
        WindowRate("net_revenue", 14),
        "Sales less returns per day over 14 days of exposure.",
        nearly_the_same_as("revenue_rate_decayed"),
    ),
    Feature(
        "revenue_rate_60d",
        "transactions",
        WindowRate("net_revenue", 60),
        "Sales less returns per day over 60 days of exposure.",
        nearly_the_same_as("revenue_90d"),
    ),
    Feature(
        "revenue_rate_365d",
        "transactions",
        WindowRate("net_revenue", 365),
        "Sales less returns per day over 365 days of exposure.",
        nearly_the_same_as("revenue_rate_180d"),
    ),
    Feature(
        "days_between_orders_180d",
        "transactions",
        DAYS_BETWEEN_ORDERS_180D,
        "Days of exposure per order over 180 days; unknown without an order.",
        nearly_the_same_as("purchase_frequency_180d"),
    ),
    Feature(
        "order_gap_change",
        "transactions",
        Ratio(DAYS_BETWEEN_ORDERS_180D, DAYS_BETWEEN_ORDERS),
        "Gap between orders over 180 days, in units of the customer's own gap so far.",
        HABIT,
    ),
    Feature(
        "purchases_to_habit_30d",
        "transactions",
        ratio_to_habit("purchases", 30, habit_days=180),
        "Orders per day of the last 30, in units of the customer's own rate in the 150 before.",
        HABIT,
    ),
    Feature(
        "revenue_to_habit_90d",
        "transactions",
        ratio_to_habit("net_revenue", 90, habit_days=365),
        "Net revenue per day of the last 90, in units of the customer's own in the 275 before.",
        HABIT,
    ),
    Feature(
        "order_value_change_90d",
        "transactions",
        Ratio(Ratio(Sum("revenue", 90), Sum("purchases", 90)), ORDER_VALUE),
        "Sales per order in 90 days, in units of the customer's own so far.",
        HABIT,
    ),
    Feature(
        "purchase_variation_180d",
        "transactions",
        variation("purchases", 180),
        "How unevenly the orders of 180 days are spread over six windows of 30 days: standard "
        "deviation of their rates divided by the mean.",
        NOT_MEASURED,
    ),
    Feature(
        "revenue_variation_180d",
        "transactions",
        variation("revenue", 180),
        "How unevenly the sales of 180 days are spread over six windows of 30 days.",
        NOT_MEASURED,
    ),
    Feature(
        "lines_per_order",
        "transactions",
        Ratio(Sum("lines"), Sum("purchases")),
        "Order lines per order so far: how many different things are bought at once.",
        NOT_MEASURED,
    ),
    Feature(
        "weekend_sales_share_180d",
        "transactions",
        Ratio(Sum("weekend_revenue", 180), Sum("revenue", 180)),
        "Share of the sales of 180 days on Saturdays and Sundays (UTC).",
        NOT_MEASURED,
    ),
    Feature(
        "purchases_same_season",
        "transactions",
        WindowRate("purchases", 365, until=335),
        "Orders per day in the 30 days that follow this day a year ago; unknown without exposure.",
        NOT_MEASURED,
    ),
)
