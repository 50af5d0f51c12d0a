"""What the customer segments' page shows of each segment. Counts in, rows out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from retention_assets.value.segments import Segment


@dataclass(frozen=True)
class SegmentMove:
    """Customers who are in `after` and were in `before` (None: not known then), and their net sales
    in 90 days; None where the source has no sales.
    """

    before: str | None
    after: str
    customers: int
    revenue_90d: float | None


@dataclass(frozen=True)
class Departures:
    """Of a segment's members on a past day who could leave: how many there were, how many left."""

    members: int
    departed: int

    @property
    def rate(self) -> float | None:
        return self.departed / self.members if self.members else None


def segment_sizes(moves: Iterable[SegmentMove], segments: Sequence[Segment]) -> dict[str, int]:
    """Customers by segment, in the declared order; 0 for a segment without any."""
    sizes: dict[str, int] = {segment.name: 0 for segment in segments}
    for move in moves:
        sizes[move.after] += move.customers
    return sizes


def segment_rows(
    moves: Sequence[SegmentMove], departures: Mapping[str, Departures], segments: Sequence[Segment]
) -> list[dict[str, Any]]:
    """A row per segment, in the declared order."""
    sizes = segment_sizes(moves, segments)
    everybody = sum(sizes.values())
    rows = []
    for segment in segments:
        size = sizes[segment.name]
        past = departures.get(segment.name, Departures(0, 0))
        sales = [
            move.revenue_90d
            for move in moves
            if move.after == segment.name and move.revenue_90d is not None
        ]
        rows.append(
            {
                "segment": segment.name,
                "customers": size,
                "share": size / everybody if everybody else 0.0,
                "mean_revenue_90d": sum(sales) / size if sales else None,
                "churn_rate": past.rate,
                "churn_rate_of": past.members,
                "meaning": segment.meaning,
                "proposed_play": segment.play,
                "rule": segment.rule,
            }
        )
    return rows
