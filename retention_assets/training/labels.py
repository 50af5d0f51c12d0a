"""The label of a customer at an as-of date t: churn in (t + gap, t + gap + horizon], told from facts known when it matured.

Two times hold here too: a report that comes in after the label was final (gap + horizon + reporting lag) does not change
it, so a week that a model was trained on keeps its labels. Who is asked about (eligible) depends on the churn kind.

`treated` marks customers who got a retention contact between t and the end of the window. They stay in: leaving them out
would keep those who churned before anybody could contact them, and so overstate churn (immortal time).
"""

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


@dataclass(frozen=True)
class Window:
    """When churn counts, in days. `active_within_days` (inactivity): only customers who bought so recently are asked about."""

    gap_days: int
    horizon_days: int
    reporting_lag_days: int
    active_within_days: int | None = None

    @property
    def opens(self) -> Column:
        return _midnight(self.gap_days)

    @property
    def closes(self) -> Column:
        return _midnight(self.gap_days + self.horizon_days)

    @property
    def observed(self) -> Column:
        return _midnight(self.gap_days + self.horizon_days + self.reporting_lag_days)


def labels(
    known: DataFrame, window: Window, kind: str, facts: DataFrame, contacts: DataFrame | None
) -> DataFrame:
    """Eligible (customer_id, as_of) pairs of `known` with label (int), label_observed_at (date) and treated (boolean).

    `facts`: churn events (kind "cancellation") or transactions (kind "inactivity"); `contacts`: campaign contacts.
    """
    pairs = known.select("customer_id", "as_of")
    labelled = {"cancellation": canceled, "inactivity": inactive}[kind](pairs, window, facts)
    observed = F.to_date(window.observed).alias("label_observed_at")
    if contacts is None:
        marked = labelled.withColumn("treated", F.lit(False))
    else:
        marked = labelled.join(
            treated(labelled, window, contacts), ["customer_id", "as_of"], "left"
        )
    return marked.select(
        "customer_id",
        "as_of",
        "label",
        observed,
        F.coalesce("treated", F.lit(False)).alias("treated"),
    )


def canceled(pairs: DataFrame, window: Window, churns: DataFrame) -> DataFrame:
    """Eligible: has not left by the end of the gap. Label: the first leave lies in the window."""
    facts = churns.select("customer_id", "event_ts", "ingested_ts")
    seen = pairs.join(facts, "customer_id", "left")
    left_at = F.min(F.when(F.col("ingested_ts") <= window.observed, F.col("event_ts"))).alias(
        "left_at"
    )
    first = seen.groupBy("customer_id", "as_of").agg(left_at)
    eligible = first.where(F.col("left_at").isNull() | (F.col("left_at") > window.opens))
    churned = F.col("left_at").isNotNull() & (F.col("left_at") <= window.closes)
    return eligible.select("customer_id", "as_of", churned.cast("int").alias("label"))


def inactive(pairs: DataFrame, window: Window, transactions: DataFrame) -> DataFrame:
    """Eligible: was known at t to have bought (recently). Label: no purchase in the window."""
    sales = (
        transactions.where("kind = 'sale'")
        .select("customer_id", "event_ts", "ingested_ts")
        .distinct()
    )
    midnight = _midnight(0)
    before = (F.col("event_ts") < midnight) & (F.col("ingested_ts") <= midnight)
    if window.active_within_days is not None:
        before &= F.col("event_ts") >= _midnight(-window.active_within_days)
    within = (F.col("event_ts") > window.opens) & (F.col("event_ts") <= window.closes)
    found = within & (F.col("ingested_ts") <= window.observed)
    both = [F.max(before).alias("bought_before"), F.max(found).alias("bought_within")]
    grouped = pairs.join(sales, "customer_id").groupBy("customer_id", "as_of").agg(*both)
    return grouped.where("bought_before").select(
        "customer_id", "as_of", (~F.col("bought_within")).cast("int").alias("label")
    )


def treated(pairs: DataFrame, window: Window, contacts: DataFrame) -> DataFrame:
    """Pairs that got a contact in [t, end of window)."""
    given = contacts.where("treated").select("customer_id", "event_ts")
    during = (F.col("event_ts") >= _midnight(0)) & (F.col("event_ts") < window.closes)
    hit = (
        pairs.select("customer_id", "as_of")
        .join(given, "customer_id")
        .where(during)
        .select("customer_id", "as_of")
    )
    return hit.distinct().withColumn("treated", F.lit(True))


def _midnight(days: int) -> Column:
    """Midnight UTC at the start of as_of + days."""
    return F.date_add("as_of", days).cast("timestamp")
