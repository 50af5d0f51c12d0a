"""The label of a customer at an as-of day t: churn in (t + gap, t + gap + horizon].

It is read from facts known when it became final (gap + horizon + reporting lag after t). A later
report does not change it, so a week that a model was trained on keeps its labels. Which customers
are eligible depends on the kind of churn. Where the source gives labels, t is the day of the label
and the label is the source's.

`treated` marks customers who got a retention contact between t and the end of the window. They stay
in: without them, those who churned before a contact would be overrepresented (immortal time bias).
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retention_assets.features.point_in_time import known_at
from retention_assets.modeling.label_window import LabelWindow
from retention_assets.validation.versions import REPLACED_ON, holds_at

TIMES = ("event_ts", "ingested_ts", REPLACED_ON)


def labels(
    known: DataFrame,
    window: LabelWindow,
    *,
    kind: str,
    facts: DataFrame,
    contacts: DataFrame | None,
    days_to_lapse: int,
) -> DataFrame:
    """Eligible (customer_id, as_of) pairs of `known`, labeled.

    Adds label (int), label_observed_at (date) and treated (boolean).

    `facts`: churn events (kind "cancellation"), transactions (kind "inactivity") or churn labels
    (kind "label"); `contacts`: campaign contacts. Both have `replaced_on` (versions.py).
    `days_to_lapse` (inactivity): customers who bought earlier than that many days before t are not
    eligible.
    """
    pairs = known.select("customer_id", "as_of")
    if kind == "cancellation":
        labeled = canceled(pairs, window, facts)
    elif kind == "inactivity":
        labeled = inactive(pairs, window, facts, days_to_lapse)
    else:
        labeled = with_outcomes(pairs, window, facts)
    observed = F.to_date(_midnight(window.observed_after_days)).alias("label_observed_at")
    if contacts is None:
        marked = labeled.withColumn("treated", F.lit(False))
    else:
        marked = labeled.join(treated(labeled, window, contacts), ["customer_id", "as_of"], "left")
    return marked.select(
        "customer_id",
        "as_of",
        "label",
        observed,
        F.coalesce("treated", F.lit(False)).alias("treated"),
    )


def canceled(pairs: DataFrame, window: LabelWindow, churns: DataFrame) -> DataFrame:
    """Eligible: not canceled by the end of the gap. Label: first cancellation is in the window."""
    facts = churns.select("customer_id", *TIMES)
    joined = pairs.join(facts, "customer_id", "left")
    is_known = holds_at(_midnight(window.observed_after_days))
    left_at = F.min(F.when(is_known, F.col("event_ts"))).alias("left_at")
    first = joined.groupBy("customer_id", "as_of").agg(left_at)
    eligible = first.where(
        F.col("left_at").isNull() | (F.col("left_at") > _midnight(window.gap_days))
    )
    churned = F.col("left_at").isNotNull() & (
        F.col("left_at") <= _midnight(window.closes_after_days)
    )
    return eligible.select("customer_id", "as_of", churned.cast("int").alias("label"))


def inactive(
    pairs: DataFrame, window: LabelWindow, transactions: DataFrame, days_to_lapse: int
) -> DataFrame:
    """Eligible: known at t to have bought (recently). Label: no purchase in the window."""
    sales = transactions.where("kind = 'sale'").select("customer_id", *TIMES).distinct()
    before = known_at(F.col("as_of"), F.col("as_of"))
    before &= F.col("event_ts") >= _midnight(-days_to_lapse)
    within = (F.col("event_ts") > _midnight(window.gap_days)) & (
        F.col("event_ts") <= _midnight(window.closes_after_days)
    )
    known_within = within & holds_at(_midnight(window.observed_after_days))
    both = [F.max(before).alias("bought_before"), F.max(known_within).alias("bought_within")]
    grouped = pairs.join(sales, "customer_id").groupBy("customer_id", "as_of").agg(*both)
    return grouped.where("bought_before").select(
        "customer_id", "as_of", (~F.col("bought_within")).cast("int").alias("label")
    )


def with_outcomes(pairs: DataFrame, window: LabelWindow, outcomes: DataFrame) -> DataFrame:
    """Eligible: an outcome is given as of this very day. Label: that outcome, as it is known when
    labels are final; of several for one day, the one with the latest time.

    That a customer left can be stated early, that a customer stayed only at the end of the window.
    So a day counts only if, when its labels are final, there is a customer who stayed after it or
    a later day. Otherwise outcomes have stopped coming in, and only leavers would have a label.
    """
    final = _midnight(window.observed_after_days)
    stated = outcomes.select("customer_id", as_of_day().alias("as_of"), "churned", *TIMES)
    latest = F.max_by("churned", "event_ts")
    in_time = stated.where(holds_at(final))
    labeled = in_time.groupBy("customer_id", "as_of").agg(latest.cast("int").alias("label"))
    stays = stated.where("NOT churned").groupBy(F.col("as_of").alias("stayed_after"))
    stays = stays.agg(F.min("ingested_ts").alias("known_at"))
    is_delivered = (F.col("stayed_after") >= F.col("as_of")) & (F.col("known_at") < final)
    delivered = pairs.select("as_of").distinct().join(F.broadcast(stays), is_delivered, "left_semi")
    return pairs.join(delivered, "as_of").join(labeled, ["customer_id", "as_of"])


def as_of_day() -> Column:
    """The as-of day of a given outcome."""
    return F.to_date("event_ts")


def treated(pairs: DataFrame, window: LabelWindow, contacts: DataFrame) -> DataFrame:
    """Pairs that got a contact in [t, end of window), as it is known when labels are final."""
    treatments = contacts.where("treated").select("customer_id", *TIMES)
    during = (F.col("event_ts") >= _midnight(0)) & (
        F.col("event_ts") < _midnight(window.closes_after_days)
    )
    during &= holds_at(_midnight(window.observed_after_days))
    hit = (
        pairs.select("customer_id", "as_of")
        .join(treatments, "customer_id")
        .where(during)
        .select("customer_id", "as_of")
    )
    return hit.distinct().withColumn("treated", F.lit(True))


def _midnight(days: int) -> Column:
    """Midnight UTC at the start of as_of + days."""
    return F.date_add("as_of", days).cast("timestamp")
