"""features/*: the daily tiles and the current features of every customer. The Dagster face.

What a feature is stands in declarations.py, what a tile counts in measures.py.
"""

from datetime import timedelta
from typing import get_args

import dagster as dg

from retention_assets.features.availability import (
    available_features,
    missing_features,
    refuse_label_columns,
)
from retention_assets.features.checks import customers_once, tiles_conserve_sales
from retention_assets.features.declarations import FEATURES, Feature, Group
from retention_assets.features.measures import available_measures
from retention_assets.ingestion.assets import days_of
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import rows_as_table, table_metadata

TILES = "features/daily_activity"
OWNERS = ["team:data-platform"]
MEANING: dict[Group, str] = {
    "demographics": "Who each customer is: time since sign-up, plan, channel, consent.",
    "transactions": "What each customer buys: how often, how recently, for how much, and whether that rises or falls.",
    "behavior": "How each customer uses the service: logins, features, community, support, contacts.",
}


def assets(platform: Platform) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """The stage's assets for one source. Raises LeakError where a declared feature reads what defines its churn."""
    refuse_label_columns(FEATURES, platform.profile)
    declared = available_features(FEATURES, platform.profile.tables)
    groups = [group for group in get_args(Group) if any(item.group == group for item in declared)]
    current = [
        _customer_group(platform, group, [item for item in declared if item.group == group])
        for group in groups
    ]
    conserved = [tiles_conserve_sales()] if platform.profile.has("transactions") else []
    return [
        _daily_activity(platform),
        *conserved,
        *current,
        *(customers_once(f"features/customer_{group}") for group in groups),
    ]


def _key(name: str) -> dg.AssetKey:
    return dg.AssetKey.from_user_string(name)


def _daily_activity(platform: Platform) -> dg.AssetsDefinition:
    measures = available_measures(platform.profile.tables)
    tables = list(dict.fromkeys(measure.table for measure in measures))

    @dg.asset(
        key=_key(TILES),
        deps=[_key(f"validated/{name}") for name in tables],
        partitions_def=platform.partitions.daily,
        backfill_policy=dg.BackfillPolicy.single_run(),
        kinds={"pyspark", "deltalake", "silver"},
        group_name="features",
        owners=OWNERS,
    )
    def daily_activity(context: dg.AssetExecutionContext, lake: Lake) -> dg.MaterializeResult:
        """What each customer did on each day, counted once, so that every feature of any day is read from here."""
        from retention_assets.features.tiles import daily_activity as tiles_of

        first, last = days_of(context)
        tiles = tiles_of(
            {name: lake.read(f"validated/{name}") for name in tables}, measures, first, last
        )
        rows = lake.replace_days(TILES, tiles, "event_date", first, last)
        return dg.MaterializeResult(
            metadata=table_metadata(tiles.schema, rows) | {"measures": len(measures)}
        )

    return daily_activity


def _customer_group(
    platform: Platform, group: Group, features: list[Feature]
) -> dg.AssetsDefinition:
    name, profile = f"features/customer_{group}", platform.profile
    lacking = {item.name: item.meaning for item in FEATURES if item.group == group}
    reasons = {
        feature: why
        for feature, why in missing_features(FEATURES, profile.tables).items()
        if feature in lacking
    }

    @dg.asset(
        key=_key(name),
        deps=[_key(TILES), _key("validated/customers"), _key("validated/watermark")],
        kinds={"pyspark", "deltalake", "gold"},
        group_name="features",
        owners=OWNERS,
        description=f"{MEANING[group]} As known at the end of the last closed day.",
    )
    def customer_group(lake: Lake) -> dg.MaterializeResult:
        from retention_assets.features.engine_spark import compute_features
        from retention_assets.validation.watermark import read_watermark

        as_of = read_watermark(lake.read) + timedelta(days=1)
        frame = compute_features(
            lake.read(TILES), lake.read("validated/customers"), [as_of], features, profile.start
        )
        rows = lake.merge(name, frame, ["customer_id"])
        said = rows_as_table({"feature": item.name, "meaning": item.meaning} for item in features)
        unfilled = rows_as_table(
            {"feature": feature, "why": why} for feature, why in reasons.items()
        )
        return dg.MaterializeResult(
            metadata=table_metadata(frame.schema, rows)
            | {"as_of": str(as_of), "features": said, "absent": unfilled}
        )

    return customer_group
