"""The state of a customer as of a day: active, returned, lapsed, left or unknown.

One rule for training, test, drift, scores, online vectors and HTTP. Frames in, frames out: a state
at t comes from facts that happened and were known before t, and from nothing else.

Given labels decide no state: they say what happens after a day, not how a customer stands on it.
With them a customer is active once known, and has left if `churn_events` says so.
"""

from collections.abc import Callable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retention_assets.features.point_in_time import known_at
from retention_assets.sources.contracts import TABLES
from retention_assets.sources.profile import Churn, Profile
from retention_assets.validation.versions import REPLACED_ON, read_facts
from serve.states import ACTIVE, LAPSED, LEFT, RETURNED, UNKNOWN

TIMES = ("event_ts", "ingested_ts", REPLACED_ON)
EVENTS = "array<struct<event_ts: timestamp, ingested_ts: timestamp, replaced_on: date>>"
# What a customer chooses at sign-up. A row after a cancellation that changes it, or that changes
# nothing at all, is a return. One that changes only the details is a new address or a new consent.
SIGNED = ("plan", "acquisition_channel")
DETAILS = tuple(
    column.name
    for column in TABLES["customers"].columns
    if not column.required and column.name not in SIGNED
)


def read_histories(read: Callable[[str], DataFrame], profile: Profile) -> DataFrame:
    """The histories of all customers, from the lake's tables. `read`: asset key -> frame."""
    facts = {name: read_facts(read, name) for name in profile.state_tables}
    return histories(
        facts["customers"],
        cancellations=facts.get("churn_events"),
        transactions=facts.get("transactions"),
        churn=profile.churn,
    )


def histories(
    customers: DataFrame,
    *,
    cancellations: DataFrame | None,
    transactions: DataFrame | None,
    churn: Churn,
) -> DataFrame:
    """One row per customer: customer_id, and its sign_ups, cancellations and purchases as arrays in
    order of time. All three frames have `replaced_on` (versions.py).

    Of purchases, only what a state depends on: the days with one (inactivity), or those after the
    first cancellation.
    """
    sign_ups = customers.select(
        "customer_id", *TIMES, _struct(customers, SIGNED), _struct(customers, DETAILS)
    )
    collected = _collect(sign_ups.toDF("customer_id", *TIMES, "signed", "details"), "sign_ups")
    purchases = _purchases(transactions, cancellations, churn)
    for name, events in (("cancellations", cancellations), ("purchases", purchases)):
        collected = _with_events(collected, name, events)
    return collected


def with_state(
    customers: DataFrame, column: str, *, day: Column, known_on: Column, churn: Churn
) -> DataFrame:
    """Adds `column`, struct<state: string, since: date>: each customer's state at the start of
    `day` as it was known at the start of `known_on`, and the day on which that state began.

    `customers`: rows of `histories`, with any other columns.
    """

    def known(events: str) -> Column:
        return F.filter(events, lambda fact: known_at(day, known_on, fact.getField))

    signed_up = F.to_date(F.array_min(F.transform(known("sign_ups"), _time)))
    frame = customers.withColumns(
        {
            "_signed_up": signed_up,
            "_sign_ups": known("sign_ups"),
            "_purchases": known("purchases"),
            "_left_at": F.array_max(F.transform(known("cancellations"), _time)),
        }
    )
    if churn.kind == "inactivity":
        frame = _by_silence(frame, day, churn.days_to_lapse)
    else:
        frame = _by_cancellation(frame)
    state = F.when(F.col("_signed_up").isNull(), UNKNOWN).otherwise(F.col("_state"))
    since = F.when(state != UNKNOWN, F.col("_since"))
    added = frame.withColumn(column, F.struct(state.alias("state"), since.alias("since")))
    return added.select(*customers.columns, column)


def states_as_of(pairs: DataFrame, customers: DataFrame, churn: Churn) -> DataFrame:
    """The rows of `pairs` (customer_id, as_of and any others) with state and since at as_of.

    `customers`: rows of `histories`. A customer without a history is unknown.
    """
    as_of = F.col("as_of")
    joined = pairs.join(customers, "customer_id", "left")
    states = with_state(joined, "now", day=as_of, known_on=as_of, churn=churn)
    return states.select(*pairs.columns, "now.state", "now.since")


def _by_cancellation(frame: DataFrame) -> DataFrame:
    """Adds _state and _since: whether a cancellation is known, and none of the customer's sign-ups,
    plans and purchases after the last one.
    """
    left_at = F.col("_left_at")
    before = F.filter("_sign_ups", lambda fact: _time(fact) <= left_at)
    frame = frame.withColumn("_at_leaving", F.try_element_at(before, F.lit(-1)))
    at_leaving = F.col("_at_leaving")

    def is_return(fact: Column) -> Column:
        has_same = {name: fact[name].eqNullSafe(at_leaving[name]) for name in ("signed", "details")}
        has_new_details = has_same["signed"] & ~has_same["details"]
        lost_plan = fact["signed"]["plan"].isNull() & at_leaving["signed"]["plan"].isNotNull()
        return (_time(fact) > left_at) & ~has_new_details & ~lost_plan

    signed_again = F.filter("_sign_ups", is_return)
    bought = F.filter("_purchases", lambda fact: _time(fact) > left_at)
    back_at = F.least(*(F.array_min(F.transform(facts, _time)) for facts in (signed_again, bought)))
    frame = frame.withColumn("_back_at", back_at)
    has_left = left_at.isNotNull()
    is_back = F.col("_back_at").isNotNull()
    return frame.withColumns(
        {
            "_state": F.when(has_left & is_back, RETURNED).when(has_left, LEFT).otherwise(ACTIVE),
            "_since": F.coalesce(F.to_date("_back_at"), F.to_date(left_at), F.col("_signed_up")),
        }
    )


def _by_silence(frame: DataFrame, day: Column, days_to_lapse: int) -> DataFrame:
    """Adds _state and _since: how long ago the last purchase is, and whether one came after a
    silence that long.
    """
    days = F.col("_days")
    frame = frame.withColumn(
        "_days", F.transform("_purchases", lambda fact: F.to_date(_time(fact)))
    )

    def day_of_return(later: Column, earlier: Column) -> Column:
        return F.when(F.date_diff(later, earlier) > days_to_lapse, later)

    returns = F.zip_with(F.slice(days, 2, F.size(days)), days, day_of_return)
    frame = frame.withColumns({"_last": F.array_max(days), "_back_on": F.array_max(returns)})
    is_silent = F.date_diff(day, "_last") > days_to_lapse
    state = (
        F.when(F.col("_last").isNull(), UNKNOWN)
        .when(is_silent, LAPSED)
        .when(F.col("_back_on").isNotNull(), RETURNED)
        .otherwise(ACTIVE)
    )
    # It is lapsed at the start of the first day that lies more than `days_to_lapse` after.
    lapsed_on = F.date_add("_last", days_to_lapse + 1)
    since = F.when(is_silent, lapsed_on).otherwise(F.coalesce("_back_on", F.array_min(days)))
    return frame.withColumns({"_state": state, "_since": since})


def _purchases(
    transactions: DataFrame | None, cancellations: DataFrame | None, churn: Churn
) -> DataFrame | None:
    """The purchases that states depend on; None if no state does."""
    if transactions is None:
        return None
    sales = transactions.where("kind = 'sale'")
    if churn.kind == "inactivity":
        times = ("event_ts", "ingested_ts")
        return sales.withColumns({name: F.date_trunc("day", name) for name in times})
    if cancellations is None:
        return None
    first = cancellations.groupBy("customer_id").agg(F.min("event_ts").alias("first"))
    return sales.join(first, "customer_id").where("event_ts > first")


def _collect(facts: DataFrame, name: str) -> DataFrame:
    """One row per customer, with its facts as an array of structs in order of time."""
    columns = [column for column in facts.columns if column != "customer_id"]
    rows = facts.groupBy("customer_id").agg(F.collect_list(F.struct(*columns)).alias(name))
    return rows.withColumn(name, F.sort_array(name))


def _with_events(customers: DataFrame, name: str, events: DataFrame | None) -> DataFrame:
    if events is None:
        return customers.withColumn(name, F.lit(None).cast(EVENTS))
    times = events.select("customer_id", *TIMES).distinct()
    return customers.join(_collect(times, name), "customer_id", "left")


def _struct(customers: DataFrame, names: tuple[str, ...]) -> Column:
    """These columns as one; null where the customers have none of that name."""
    nothing = F.lit(None).cast("string")
    columns = [F.col(name) if name in customers.columns else nothing for name in names]
    return F.struct(*(column.alias(name) for name, column in zip(names, columns, strict=True)))


def _time(fact: Column) -> Column:
    return fact["event_ts"]
