"""value/*: the segment of every customer, and what customers are worth. The Dagster face.

segments.py says what a segment is, assignment.py which customers are in it.
"""

from datetime import date, timedelta
from typing import Any

import dagster as dg

from retention_assets import keys
from retention_assets.features.checks import customers_once
from retention_assets.modeling.label_window import LabelWindow
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import asset_key, png, rows_as_table, table_metadata
from retention_assets.value.checks import segments_are_stable
from retention_assets.value.lifetime.assets import lifetime_value
from retention_assets.value.segments import (
    Segment,
    columns_read,
    declared_segments,
    features_read,
    segment_version,
    source_segments,
)
from retention_assets.value.summary import Departures, SegmentMove

OWNERS = ["team:retention"]
DAY = timedelta(days=1)
DAYS_BETWEEN = 7  # the segments of today are compared with those of a week ago
NO_RATE = "none: the history is too short, or the source gives its labels"
COLUMNS = {
    "customer_id": "The customer.",
    "as_of": "Midnight (UTC) at the start of this day; only what was known then counts.",
    "segment": "The first segment whose rule holds; the asset's page lists rules and meanings.",
    "state": "active, returned, lapsed or left; see features/customer_state.",
    "segment_week_ago": "The segment seven days earlier by the same rules; null: not known then.",
    "segment_version": "Digest of the names and rules of all segments.",
}


def assets(platform: Platform) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """The stage's assets for one source. Without sales no margin is known, and no value."""
    return [
        _customer_segments(platform),
        customers_once(keys.CUSTOMER_SEGMENTS),
        segments_are_stable(),
        *([lifetime_value(platform)] if platform.profile.has("transactions") else []),
    ]


def _customer_segments(platform: Platform) -> dg.AssetsDefinition:
    key = keys.CUSTOMER_SEGMENTS
    profile = platform.profile
    settings = platform.settings
    segments = source_segments(profile.tables, settings.high_revenue)
    features = features_read(profile.tables, segments)
    sales = keys.customer_features("transactions") if profile.has("transactions") else None
    tables = sorted({keys.customer_features(feature.group) for feature in features})
    facts = [keys.validated(name) for name in profile.state_tables]
    read = (*tables, keys.CUSTOMER_STATE, keys.DAILY_ACTIVITY, *facts, keys.WATERMARK)
    origins = [
        *((keys.customer_features(feature.group), feature.name) for feature in features),
        *((keys.CUSTOMER_STATE, name) for name in ("state", "since")),
    ]
    lineage = {"segment": origins, "segment_week_ago": origins}
    version = f"'{segment_version(segments)}' AS segment_version"
    churn = profile.churn
    window = LabelWindow(settings.gap_days, churn.horizon_days, churn.reporting_lag_days)
    left_out = _left_out(segments, settings.high_revenue)

    @dg.asset(
        key=asset_key(key),
        pool=key,
        deps=[asset_key(name) for name in read],
        kinds={"pyspark", "deltalake", "gold"},
        group_name="value",
        owners=OWNERS,
    )
    def customer_segments(lake: Lake) -> dg.MaterializeResult:
        """Each customer's behavioral segment, by fixed rules over features and state."""
        from retention_assets.features.current import current_day
        from retention_assets.validation.watermark import read_labels_through
        from retention_assets.value.assignment import (
            current_segments,
            departures,
            past_segments,
            read_inputs,
            with_earlier_segment,
        )

        as_of = current_day(lake.read)
        week_ago = as_of - timedelta(days=DAYS_BETWEEN)
        known_on = read_labels_through(lake.read) + DAY
        labeled = _labeled_day(known_on, window, platform)
        states = lake.read(keys.CUSTOMER_STATE)
        current = current_segments(states, {name: lake.read(name) for name in tables}, segments)
        past = past_segments(
            [week_ago, *([labeled] if labeled else [])],
            inputs=read_inputs(lake.read, profile, features),
            segments=segments,
            window=window,
            known_on=known_on,
        ).persist()
        frame = with_earlier_segment(current, past, week_ago).selectExpr("*", version)
        try:
            rows = lake.overwrite(key, frame)
            counts = departures(past, labeled).collect() if labeled else []
        finally:
            past.unpersist()
        departed = {row["segment"]: Departures(row["members"], row["departed"]) for row in counts}
        metadata = {
            "as_of": str(as_of),
            "segment_version": segment_version(segments),
            "churn_rate_of_members_on": str(labeled or NO_RATE),
            "left_out": rows_as_table(left_out),
        }
        columns = table_metadata(frame.schema, rows, descriptions=COLUMNS, lineage=lineage)
        pages = _pages(_moves(lake, sales), departed, segments)
        return dg.MaterializeResult(metadata=columns | metadata | pages)

    return customer_segments


def _labeled_day(known_on: date, window: LabelWindow, platform: Platform) -> date | None:
    """The latest day whose labels are final at the start of `known_on`; None if the source was too
    young, or if it gives its labels, because states do not say then who left.
    """
    profile = platform.profile
    day = known_on - timedelta(days=window.observed_after_days)
    first = profile.start + timedelta(days=platform.settings.min_history_days)
    return None if day < first or profile.churn.kind == "label" else day


def _moves(lake: Lake, sales: str | None) -> list[SegmentMove]:
    """Counts by segment a week ago and now. `sales`: the table with revenue_90d, if any."""
    from pyspark.sql import functions as F

    stored = lake.read(keys.CUSTOMER_SEGMENTS)
    revenue = F.lit(None).cast("double")
    if sales:
        by_customer = lake.read(sales).select("customer_id", "revenue_90d")
        stored = stored.join(by_customer, "customer_id", "left")
        revenue = F.col("revenue_90d")
    counts = stored.groupBy("segment_week_ago", "segment").agg(
        F.count(F.lit(1)).alias("customers"), F.sum(revenue).alias("revenue_90d")
    )
    rows = sorted(counts.collect(), key=lambda row: (row["segment_week_ago"] or "", row["segment"]))
    return [SegmentMove(*row) for row in rows]


def _pages(
    moves: list[SegmentMove], departed: dict[str, Departures], segments: list[Segment]
) -> dict[str, Any]:
    """The table and the pictures of the asset's page."""
    from retention_assets.value.migration import contingency
    from retention_assets.value.pictures import migration_matrix, treemap
    from retention_assets.value.summary import segment_rows, segment_sizes

    names = [segment.name for segment in segments]
    known = [(move.before, move.after, move.customers) for move in moves if move.before]
    rates = {name: counts.rate for name, counts in departed.items()}
    return {
        "segments": rows_as_table(segment_rows(moves, departed, segments)),
        "treemap": png(treemap(segment_sizes(moves, segments), rates)),
        "migration": png(migration_matrix(contingency(known, names), names, DAYS_BETWEEN)),
    }


def _left_out(segments: list[Segment], high_revenue: float) -> list[dict[str, str]]:
    """Segments and criteria that the source has no columns for."""
    rules = {segment.name: segment.rule for segment in segments}
    available = columns_read(segments)
    return [
        {
            "segment": declared.name,
            "rule": rules.get(declared.name, "none: not told apart"),
            "missing": ", ".join(sorted(columns_read([declared]) - available)),
        }
        for declared in declared_segments(high_revenue)
        if rules.get(declared.name) != declared.rule
    ]
