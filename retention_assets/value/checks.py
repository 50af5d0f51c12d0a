"""Checks of value/*: what a person should look at. They warn and block nothing."""

import dagster as dg

from retention_assets import keys
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import asset_key
from serve.segments import SEGMENT_NAMES
from serve.states import LAPSED, LEFT

# In a usual week of the embedded source 20 % move, and the index is .60 to .64: an order ends a
# silence, and a month ends a newcomer's time.
MIN_RAND_INDEX = 0.5
MAX_SHARE_MOVED = 0.3


def segments_are_stable() -> dg.AssetChecksDefinition:
    """A check on value/customer_segments."""

    @dg.asset_check(
        asset=asset_key(keys.CUSTOMER_SEGMENTS),
        description="Of the customers who could leave a week ago, most are in the same segment, "
        "and the two partitions agree (adjusted Rand index). Segments that change faster than a "
        "campaign runs are of no use. When many customers move at once, look for a change in the "
        "data first.",
    )
    def segments_are_stable(lake: Lake) -> dg.AssetCheckResult:
        from pyspark.sql import functions as F

        from retention_assets.value.migration import adjusted_rand_index, contingency, share_moved

        # Null for who was not known then, so these are left out as well.
        could_leave = ~F.col("segment_week_ago").isin(LEFT, LAPSED)
        known = lake.read(keys.CUSTOMER_SEGMENTS).where(could_leave)
        counts = known.groupBy("segment_week_ago", "segment").count().collect()
        table = contingency([tuple(row) for row in counts], SEGMENT_NAMES)
        index = adjusted_rand_index(table)
        moved = share_moved(table)
        return dg.AssetCheckResult(
            passed=index >= MIN_RAND_INDEX and moved <= MAX_SHARE_MOVED,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={
                "adjusted_rand_index": index,
                "lowest_index": MIN_RAND_INDEX,
                "share_moved": moved,
                "highest_share": MAX_SHARE_MOVED,
                "customers": int(table.sum()),
            },
        )

    return segments_are_stable
