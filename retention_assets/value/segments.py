"""The customer segments: name, rule, meaning, proposed play. To change one, change its row.

Data and text: no frame is read here. A limit is fixed or in units of the customer's own habit, so
that nobody's segment depends on other customers.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from retention_assets.features.availability import available_features
from retention_assets.features.declarations import FEATURES
from retention_assets.features.feature import Feature
from retention_assets.features.measures import SourceTables
from retention_assets.sources.ledger import digest_of
from serve.segments import SegmentName
from serve.states import LAPSED, LEFT, RETURNED

# What rules may compare beside features; the second is made from `since`.
STATE_CRITERIA = ("state", "days_in_state")
# Welcome programs last a month; fewer days are also too few to call anything a habit.
NEW_DAYS = 30
# Orders are compared with those of the 90 days before. Once both lie after the return, the customer
# is like any other.
WON_BACK_DAYS = 180
# Of customers who buy at random times, exp(-3) = 5 % are silent for three times their usual gap at
# any moment. For twice the gap it is 14 %: too many false alarms for a call.
OVERDUE_RATIO = 3.0
# A signed log ratio of ln(1/2): half as many orders as in the 90 days before.
HALVED = -0.69
# Below it, the project's original description speaks of little engagement.
ENGAGED = 0.3
DISENGAGED = ENGAGED / 2
# At least an order a month, so that a monthly mail meets a buyer.
REGULAR_GAP_DAYS = 30


@dataclass(frozen=True)
class Criterion:
    """A comparison of one column with a limit. An unknown value does not meet it."""

    column: str
    operator: Literal["=", "<", "<=", ">", ">="]
    limit: float | str

    def __str__(self) -> str:
        """As SQL."""
        limit = f"'{self.limit}'" if isinstance(self.limit, str) else f"{self.limit:g}"
        return f"{self.column} {self.operator} {limit}"


@dataclass(frozen=True)
class Segment:
    """A customer is in the first segment whose rule holds.

    The rule: all of `all_of`, all of `if_available`, and, if there are any, one of `any_of`. Where
    a source cannot fill a column, the criteria of the last two that read it are left out.
    """

    name: SegmentName
    meaning: str
    play: str
    all_of: tuple[Criterion, ...] = ()
    if_available: tuple[Criterion, ...] = ()
    any_of: tuple[Criterion, ...] = ()

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        return self.all_of + self.if_available + self.any_of

    @property
    def rule(self) -> str:
        """As SQL; `true` for the segment of all others."""
        parts = [str(criterion) for criterion in self.all_of + self.if_available]
        alternatives = " OR ".join(map(str, self.any_of))
        if len(self.any_of) > 1 and parts:
            alternatives = f"({alternatives})"
        return " AND ".join([*parts, *([alternatives] if alternatives else [])]) or "true"


def declared_segments(high_revenue: float) -> tuple[Segment, ...]:
    """All segments in the order of their rules. `high_revenue`: net sales of 90 days from which a
    customer is a big spender, in the source's currency.
    """
    is_overdue = Criterion("overdue_ratio", ">", OVERDUE_RATIO)
    spends_much = Criterion("revenue_90d", ">=", high_revenue)
    buys_monthly = Criterion("days_between_orders", "<=", REGULAR_GAP_DAYS)
    return (
        Segment(
            "left",
            "Canceled and did not come back.",
            "No marketing. Ask once why, and use the answer for those who are still here.",
            all_of=(Criterion("state", "=", LEFT),),
        ),
        Segment(
            "lapsed",
            "Silent for so long that they count as gone.",
            "A win-back offer, twice at most; then leave them alone.",
            all_of=(Criterion("state", "=", LAPSED),),
        ),
        Segment(
            "won_back",
            "Came back in the last half year.",
            "A second welcome: show what has changed, and solve what made them leave.",
            all_of=(
                Criterion("state", "=", RETURNED),
                Criterion("days_in_state", "<", WON_BACK_DAYS),
            ),
        ),
        Segment(
            "newcomers",
            "Joined less than a month ago.",
            "The welcome series: first steps, and help with the second order.",
            all_of=(Criterion("tenure_days", "<", NEW_DAYS),),
        ),
        Segment(
            "yet_to_buy",
            "Joined a month ago or earlier and never ordered.",
            "An offer for the first order; ask what is missing.",
            all_of=(Criterion("orders_total", "=", 0),),
        ),
        Segment(
            "one_time_buyers",
            "Ordered exactly once.",
            "Suggest what goes with the first order; an offer for the second.",
            all_of=(Criterion("orders_total", "=", 1),),
        ),
        Segment(
            "overdue_big_spenders",
            "Spent much in 90 days, but are now silent for over three times their usual gap.",
            "A personal call before any discount.",
            all_of=(is_overdue, spends_much),
        ),
        Segment(
            "overdue",
            "Silent for over three times their usual gap between orders.",
            "A reminder by mail; an offer only for those at high risk of churn.",
            all_of=(is_overdue,),
        ),
        Segment(
            "cooling",
            "Not overdue, but order half as often as before or hardly use the service.",
            "Ask how satisfied they are; show what they have not used yet. No discount.",
            any_of=(
                Criterion("purchase_trend", "<=", HALVED),
                Criterion("engagement_score", "<", DISENGAGED),
            ),
        ),
        Segment(
            "champions",
            "Big spenders who order every month and use the service.",
            "Thank them, give them early access, ask for recommendations. No discount.",
            all_of=(spends_much, buys_monthly),
            if_available=(Criterion("engagement_score", ">=", ENGAGED),),
        ),
        Segment(
            "regulars",
            "Order every month.",
            "A bonus for larger orders or another category.",
            all_of=(buys_monthly,),
        ),
        Segment(
            "occasional",
            "All others: they order now and then, and do not fall behind their own habit.",
            "Seasonal mail, no more often than they order.",
        ),
    )


def source_segments(tables: SourceTables, high_revenue: float) -> list[Segment]:
    """The segments that a source with these tables can tell apart."""
    features = {feature.name for feature in available_features(FEATURES, tables)}
    return segments_for(features | set(STATE_CRITERIA), declared_segments(high_revenue))


def features_read(tables: SourceTables, segments: Sequence[Segment]) -> list[Feature]:
    """The features that the rules compare, as a source with these tables fills them."""
    columns = columns_read(segments)
    return [item for item in available_features(FEATURES, tables) if item.name in columns]


def segments_for(columns: Collection[str], declared: Sequence[Segment]) -> list[Segment]:
    """The segments that a source can tell apart, in order, without criteria on other columns."""

    def kept(criteria: tuple[Criterion, ...]) -> tuple[Criterion, ...]:
        return tuple(item for item in criteria if item.column in columns)

    reduced = [
        replace(segment, if_available=kept(segment.if_available), any_of=kept(segment.any_of))
        for segment in declared
    ]
    return [
        after
        for before, after in zip(declared, reduced, strict=True)
        if kept(after.all_of) == after.all_of and bool(after.any_of) == bool(before.any_of)
    ]


def columns_read(segments: Sequence[Segment]) -> set[str]:
    """Names of the columns that the rules compare."""
    return {criterion.column for segment in segments for criterion in segment.criteria}


def segment_expression(segments: Sequence[Segment]) -> str:
    """SQL for the name of the first segment whose rule holds."""
    *ruled, default = segments
    cases = " ".join(f"WHEN {segment.rule} THEN '{segment.name}'" for segment in ruled)
    return f"CASE {cases} ELSE '{default.name}' END" if cases else f"'{default.name}'"


def segment_version(segments: Sequence[Segment]) -> str:
    """Changes with the name, the place or the rule of any segment."""
    return digest_of(f"{segment.name}: {segment.rule}" for segment in segments)
