"""The label of a customer at an as-of day t: whether the customer has left or lapsed at the end of
the window, t + gap + horizon, by the same states that say who can leave at t.

A label is read from facts known on `label_observed_at`, one reporting lag after the window or when
their table has caught up (maturity.py). A later report does not change it, so a week that a model
was trained on keeps its labels. An example exists if the customer is active or returned at t;
nothing later decides that. Where the source gives labels, t is the day of the label and the label
is the source's.

Contacts between t and the outcome decide how much an example counts (contact_weights.py), not
whether it exists.
"""

from collections.abc import Mapping
from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retention_assets.features.customer_state import TIMES, states_as_of, with_state
from retention_assets.modeling.label_window import LabelWindow
from retention_assets.sources.profile import Churn
from retention_assets.training.contact_weights import with_weights
from retention_assets.validation.versions import holds_at
from serve.states import CAN_LEAVE, LEFT

FINAL = "label_observed_at"


def labels(
    known: DataFrame,
    window: LabelWindow,
    churn: Churn,
    *,
    customers: DataFrame,
    outcomes: DataFrame | None,
    contacts: DataFrame | None,
    read_on: Mapping[date, date],
) -> DataFrame:
    """The (customer_id, as_of) pairs of `known` whose customer can leave at as_of, labeled.

    Adds label (int), left_in_gap (boolean), label_observed_at (date) treated and weight
    (contact_weights.py).

    `customers`: rows of `customer_state.histories`. `outcomes`: given labels, if churn is of that
    kind; `contacts`: campaign contacts. Both have `replaced_on` (versions.py). `read_on`: as-of day
    -> the day at whose start its labels are read; other as-of days are left out.
    """
    days = [F.lit(day) for pair in read_on.items() for day in pair]
    final = F.try_element_at(F.create_map(*days), "as_of") if days else F.lit(None).cast("date")
    pairs = known.select("customer_id", "as_of", final.alias(FINAL)).where(f"{FINAL} IS NOT NULL")
    states = states_as_of(pairs, customers, churn)
    population = states.where(F.col("state").isin(*CAN_LEAVE)).select(*pairs.columns)
    if outcomes is None:
        labeled = with_later_state(population, window, churn, customers)
    else:
        labeled = with_outcomes(population, window, outcomes)
    columns = ("customer_id", "as_of", "label", "left_in_gap", FINAL, "treated", "weight")
    return with_weights(labeled, contacts, known_on=_final()).select(*columns)


def with_later_state(
    population: DataFrame, window: LabelWindow, churn: Churn, customers: DataFrame
) -> DataFrame:
    """Label: the customer cannot leave any more at the end of the window.

    That is, has left or lapsed; or has never bought, as it is known then, because what looked like
    a purchase at t was taken back. `left_in_gap`: of those, who had canceled by the end of the gap.
    `decided_by`: the first day whose facts come too late to change the label. It follows on the
    last cancellation of those who have left; for others it is the end of the window.
    """
    final = F.col(FINAL)
    end = _day(window.closes_after_days)
    joined = population.join(customers, "customer_id")
    states = with_state(joined, "later", day=end, known_on=final, churn=churn)
    is_gone = ~F.col("later.state").isin(*CAN_LEAVE)
    left_in_gap = F.lit(False)
    if churn.kind == "cancellation":
        gap_end = _day(window.gap_days)
        states = with_state(states, "after_gap", day=gap_end, known_on=final, churn=churn)
        left_in_gap = is_gone & (F.col("after_gap.state") == LEFT)
    left_by = F.when(F.col("later.state") == LEFT, F.date_add("later.since", 1))
    return states.select(
        *population.columns,
        is_gone.cast("int").alias("label"),
        left_in_gap.alias("left_in_gap"),
        F.coalesce(left_by, end).alias("decided_by"),
    )


def with_outcomes(population: DataFrame, window: LabelWindow, outcomes: DataFrame) -> DataFrame:
    """Customers with an outcome given as of this very day. Label: that outcome, as it is known when
    labels are final; of several for one day, the one with the latest time. Which day decided it
    is not known: `decided_by` is the end of the window.

    That a customer left can be stated early, that a customer stayed only at the end of the window.
    So a day counts only if, when its labels are final, there is a customer who stayed after it or
    a later day. Otherwise outcomes have stopped coming in, and only leavers would have a label.
    """
    stated = outcomes.select("customer_id", as_of_day().alias("as_of"), "churned", *TIMES)
    latest = F.max_by("churned", "event_ts").cast("int").alias("label")
    in_time = population.join(stated, ["customer_id", "as_of"]).where(holds_at(_final()))
    labeled = in_time.groupBy(*population.columns).agg(latest)
    stays = stated.where("NOT churned").groupBy(F.col("as_of").alias("stayed_after"))
    stays = stays.agg(F.min("ingested_ts").alias("known_at"))
    is_delivered = (F.col("stayed_after") >= F.col("as_of")) & (F.col("known_at") < _final())
    days = population.select("as_of", FINAL).distinct()
    delivered = days.join(F.broadcast(stays), is_delivered, "left_semi")
    in_use = labeled.join(delivered.select("as_of"), "as_of", "left_semi")
    end = _day(window.closes_after_days)
    return in_use.withColumns({"left_in_gap": F.lit(False), "decided_by": end})


def as_of_day() -> Column:
    """The as-of day of a given outcome."""
    return F.to_date("event_ts")


def _final() -> Column:
    """Midnight UTC at the start of the day on which the label is read."""
    return F.col(FINAL).cast("timestamp")


def _day(days: int) -> Column:
    """The day `days` after as_of."""
    return F.date_add("as_of", days)
