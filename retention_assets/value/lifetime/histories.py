"""What models of lifetime value read of each customer, counted in Spark: purchases from the daily
tiles, subscriptions from sign-ups and states. Frames in, frames out; fits nothing.
"""

from datetime import date, timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from serve.states import ACTIVE, LEFT, RETURNED

DAYS_PER_WEEK = 7
DAYS_PER_MONTH = 365.25 / 12
MARGIN_DAYS = 180  # the last half year says what a subscription earns
NO_PLAN = "none"


def purchase_histories(tiles: DataFrame, as_of: date) -> DataFrame:
    """Columns customer_id, frequency, recency, T (weeks) and monetary, as `PurchaseSummary` has
    them: a row per customer who has bought before `as_of`, as known then.
    """
    days = _known(tiles, as_of).groupBy("customer_id", "event_date")
    sums = days.agg(F.sum("purchases").alias("purchases"), F.sum("revenue").alias("revenue"))
    bought = sums.where("purchases > 0 AND revenue > 0").groupBy("customer_id")
    last_day = F.lit(as_of - timedelta(days=1))
    first = F.min("event_date")
    history = bought.agg(
        (F.count("*") - 1).cast("double").alias("frequency"),
        (F.date_diff(F.max("event_date"), first) / F.lit(DAYS_PER_WEEK)).alias("recency"),
        (F.date_diff(last_day, first) / F.lit(DAYS_PER_WEEK)).alias("T"),
        (F.sum("revenue") - F.min_by("revenue", "event_date")).alias("repeat_revenue"),
    )
    monetary = F.col("repeat_revenue") / F.greatest(F.col("frequency"), F.lit(1.0))
    return history.withColumn("monetary", monetary).drop("repeat_revenue")


def kept_share(tiles: DataFrame, as_of: date) -> float:
    """Share of the value sold that was not returned; 1 without sales."""
    sums = _known(tiles, as_of).agg(F.sum("net_revenue"), F.sum("revenue"))
    net, sold = sums.collect()[0]
    return net / sold if sold else 1.0


def recent_sales(tiles: DataFrame, as_of: date) -> DataFrame:
    """Columns customer_id and sold: net sales of the last `MARGIN_DAYS` days, never below 0."""
    recent = _known(tiles, as_of).where(
        F.col("event_date") >= F.date_sub(F.lit(as_of), MARGIN_DAYS)
    )
    sold = F.greatest(F.sum("net_revenue"), F.lit(0.0))
    return recent.groupBy("customer_id").agg(sold.alias("sold"))


def subscription_histories(
    customers: DataFrame, states: DataFrame, *, as_of: date, history_start: date
) -> DataFrame:
    """Columns customer_id, plan, entry, tenure (complete months), ended, and exposure (days since
    the first sign-up on which the source could have recorded sales).

    `customers`: customer_id, signup_date and, where the source has one, plan. `states`: rows of
    features/customer_state. A customer who came back has a new subscription from that day on. Those
    that ended before the data start are left out.
    """
    plan = F.col("plan") if "plan" in customers.columns else F.lit(None)
    joined = customers.join(states.select("customer_id", "state", "since"), "customer_id")
    is_known = F.col("state").isin(ACTIVE, RETURNED, LEFT)
    ended = F.col("state") == LEFT
    begin = F.when(F.col("state") == RETURNED, F.col("since")).otherwise(F.col("signup_date"))
    end = F.when(ended, F.col("since")).otherwise(F.lit(as_of))
    rows = joined.where(is_known).withColumns({"begin": begin, "end": end})
    start = F.lit(history_start)
    before = F.greatest(F.ceil(F.months_between(start, F.col("begin"))), F.lit(0))
    # Sales of the last half year may be older than a return, so their days are counted alike.
    observed_from = F.greatest(F.col("signup_date"), start)
    return rows.select(
        "customer_id",
        F.coalesce(plan, F.lit(NO_PLAN)).alias("plan"),
        before.cast("bigint").alias("entry"),
        F.floor(F.months_between("end", "begin")).cast("bigint").alias("tenure"),
        ended.alias("ended"),
        F.date_diff("end", observed_from).alias("exposure"),
    ).where("tenure >= entry AND tenure >= 0")


def _known(tiles: DataFrame, as_of: date) -> DataFrame:
    def is_before(day: str) -> Column:
        return F.col(day) < F.lit(as_of)

    return tiles.where(is_before("event_date") & is_before("arrival_date"))
