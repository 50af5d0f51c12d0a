"""The segment of every customer as of a day. Frames in, frames out.

The rules are in segments.py. A segment at t comes from features and states at t, and so from
nothing that was not known then.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retention_assets.features.customer_state import histories, with_state
from retention_assets.features.engine_spark import compute_features
from retention_assets.features.feature import Feature
from retention_assets.keys import DAILY_ACTIVITY
from retention_assets.modeling.label_window import LabelWindow
from retention_assets.sources.profile import Churn, Profile
from retention_assets.validation.versions import read_facts
from retention_assets.value.segments import Segment, columns_read, segment_expression
from serve.states import CAN_LEAVE, UNKNOWN


@dataclass(frozen=True)
class SegmentInputs:
    """What segments of any day are computed from.

    `tiles`: features/daily_activity. `customers`: validated/customers with `replaced_on`.
    `histories`: of customer_state. `features`: those that rules read. `start`: the first day of
    the source.
    """

    tiles: DataFrame
    customers: DataFrame
    histories: DataFrame
    features: Sequence[Feature]
    churn: Churn
    start: date


def current_segments(
    states: DataFrame, features: Mapping[str, DataFrame], segments: Sequence[Segment]
) -> DataFrame:
    """One row per customer of known state: customer_id, as_of, segment, state. `states`:
    features/customer_state. `features`: features/* by key; columns that no rule reads are left out.
    """
    rows = states
    for frame in features.values():
        names = [name for name in frame.columns if name in columns_read(segments)]
        rows = rows.join(frame.select("customer_id", *names), "customer_id", "left")
    return _with_segment(rows, segments)


def with_earlier_segment(current: DataFrame, past: DataFrame, day: date) -> DataFrame:
    """`current` with `segment_week_ago`: that of `past_segments` on `day`; null for who was not
    known then.
    """
    earlier = past.where(F.col("as_of") == F.lit(day))
    earlier = earlier.select("customer_id", F.col("segment").alias("segment_week_ago"))
    return current.join(earlier, "customer_id", "left")


def past_segments(
    days: Sequence[date],
    *,
    inputs: SegmentInputs,
    segments: Sequence[Segment],
    window: LabelWindow,
    known_on: date,
) -> DataFrame:
    """One row per past day and customer whose state was known then, as of `current_segments`, with
    `departed`: the label by which models are trained. It is true for who could leave, and had left
    or lapsed at the end of the window, as known at the start of `known_on`; false for who could
    leave otherwise, and null for all others.
    """
    churn = inputs.churn
    rows = compute_features(inputs.tiles, inputs.customers, days, inputs.features, inputs.start)
    joined = rows.join(inputs.histories, "customer_id", "left")
    as_of = F.col("as_of")
    end = F.date_add(as_of, window.closes_after_days)
    states = with_state(joined, "then", day=as_of, known_on=as_of, churn=churn)
    states = with_state(states, "later", day=end, known_on=F.lit(known_on), churn=churn)
    departed = F.when(F.col("then.state").isin(*CAN_LEAVE), ~F.col("later.state").isin(*CAN_LEAVE))
    states = states.select(*rows.columns, "then.state", "then.since", departed.alias("departed"))
    return _with_segment(states, segments, "departed")


def departures(past: DataFrame, day: date) -> DataFrame:
    """By segment on `day`: how many could leave (`members`), and how many did (`departed`). `past`:
    rows of `past_segments`.
    """
    members = past.where((F.col("as_of") == F.lit(day)) & F.col("departed").isNotNull())
    return members.groupBy("segment").agg(
        F.count(F.lit(1)).alias("members"), F.sum(F.col("departed").cast("int")).alias("departed")
    )


def read_inputs(
    read: Callable[[str], DataFrame], profile: Profile, features: Sequence[Feature]
) -> SegmentInputs:
    """From the lake's tables. `read`: asset key -> frame, such as `lake.read`."""
    facts = {name: read_facts(read, name) for name in profile.state_tables}
    known = histories(
        facts["customers"],
        cancellations=facts.get("churn_events"),
        transactions=facts.get("transactions"),
        churn=profile.churn,
    )
    return SegmentInputs(
        tiles=read(DAILY_ACTIVITY),
        customers=facts["customers"],
        histories=known,
        features=features,
        churn=profile.churn,
        start=profile.start,
    )


def _with_segment(rows: DataFrame, segments: Sequence[Segment], *others: str) -> DataFrame:
    """`rows`: customer_id, as_of, state, since, the features that rules read, and `others`, which
    are kept.
    """
    days_in_state = F.date_diff("as_of", "since")
    known = rows.where(F.col("state") != UNKNOWN).withColumn("days_in_state", days_in_state)
    segment = F.expr(segment_expression(segments)).alias("segment")
    return known.select("customer_id", "as_of", segment, "state", *others)
