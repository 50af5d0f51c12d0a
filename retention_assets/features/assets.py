"""features/*: the daily tiles, and the current state and features of every customer. The Dagster
face.

declared/ says what each feature is, measures.py what a tile counts, customer_state.py what a
state is.
"""

from collections.abc import Mapping

import dagster as dg

from retention_assets import keys
from retention_assets.features.availability import (
    features_by_group,
    missing_features,
    refuse_label_columns,
)
from retention_assets.features.checks import customers_once, tiles_conserve_sales
from retention_assets.features.declarations import FEATURES
from retention_assets.features.feature import Feature, Group
from retention_assets.features.lineage import (
    feature_descriptions,
    feature_sources,
    measure_descriptions,
    state_origins,
    tile_lineage,
)
from retention_assets.features.measures import available_measures
from retention_assets.ingestion.assets import days_of
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import (
    asset_key,
    report_partitions,
    rows_as_table,
    table_metadata,
)
from serve.states import STATES

OWNERS = ["team:data-platform"]
KEY_COLUMNS: Mapping[str, str] = {
    "customer_id": "The customer.",
    "as_of": "Midnight (UTC) at the start of this day; only what was known then counts.",
    "event_date": "The day on which it happened (UTC).",
    "arrival_date": "The day on which the platform learned of it (UTC).",
}
STATE_COLUMNS: Mapping[str, str] = {
    "customer_id": KEY_COLUMNS["customer_id"],
    "as_of": KEY_COLUMNS["as_of"],
    "state": "active; returned: came back after leaving or a long silence; lapsed: silent for too "
    "long; left: canceled; unknown: never bought. Only active and returned customers can leave.",
    "since": "The day on which the state began: that of the sign-up or the first purchase, of the "
    "return, of the last cancellation, or the first one on which the silence was too long.",
}
MEANING: Mapping[Group, str] = {
    "demographics": "Who each customer is: time since sign-up, plan, channel, consent.",
    "transactions": "What each customer buys: how often, how recently, and for how much.",
    "behavior": "How each customer uses the service: logins, features, support, contacts.",
}


def assets(platform: Platform) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """The stage's assets for one source. Raises LeakError where a feature reads the label."""
    refuse_label_columns(FEATURES, platform.profile)
    by_group = features_by_group(platform.profile.tables)
    conserved = [tiles_conserve_sales()] if platform.profile.has("transactions") else []
    return [
        _daily_activity(platform),
        *conserved,
        _customer_state(platform),
        customers_once(keys.CUSTOMER_STATE),
        *(_customer_features(platform, group, features) for group, features in by_group.items()),
        *(customers_once(keys.customer_features(group)) for group in by_group),
    ]


def _daily_activity(platform: Platform) -> dg.AssetsDefinition:
    measures = available_measures(platform.profile.tables)
    tables = list(dict.fromkeys(measure.table for measure in measures))
    descriptions = {**KEY_COLUMNS, **measure_descriptions(measures)}

    @dg.asset(
        key=asset_key(keys.DAILY_ACTIVITY),
        pool=keys.DAILY_ACTIVITY,
        deps=[asset_key(keys.validated(name)) for name in tables],
        partitions_def=platform.partitions.daily,
        backfill_policy=dg.BackfillPolicy.single_run(),
        kinds={"pyspark", "deltalake", "silver"},
        group_name="features",
        owners=OWNERS,
    )
    def daily_activity(context: dg.AssetExecutionContext, lake: Lake) -> dg.MaterializeResult:
        """Daily tiles: what each customer did on each day. Every feature is summed from them."""
        from retention_assets.features import tiles

        first, last = days_of(context)
        validated = {name: lake.read(keys.validated(name)) for name in tables}
        frame = tiles.daily_activity(validated, measures, first, last)
        key = keys.DAILY_ACTIVITY
        rows = lake.replace_days(key, frame, "arrival_date", first=first, last=last)
        lineage = tile_lineage(measures)
        columns = table_metadata(frame.schema, descriptions=descriptions, lineage=lineage)
        report_partitions(context, key, rows, columns | {"measures": len(measures)})
        return dg.MaterializeResult()

    return daily_activity


def _customer_state(platform: Platform) -> dg.AssetsDefinition:
    key = keys.CUSTOMER_STATE
    profile = platform.profile
    facts = [keys.validated(name) for name in profile.state_tables]

    @dg.asset(
        key=asset_key(key),
        pool=key,
        deps=[asset_key(name) for name in (*facts, keys.WATERMARK)],
        kinds={"pyspark", "deltalake", "gold"},
        group_name="features",
        owners=OWNERS,
    )
    def customer_state(lake: Lake) -> dg.MaterializeResult:
        """Each customer's state at the end of the last closed day: who can still leave, who has."""
        from retention_assets.features.current import current_day, current_states

        as_of = current_day(lake.read)
        frame = current_states(lake.read, profile, as_of)
        rows = lake.merge(key, frame, ["customer_id"])
        counts = dict(lake.read(key).groupBy("state").count().collect())
        metadata = {"as_of": str(as_of)} | {name: counts.get(name, 0) for name in STATES}
        origins = state_origins(profile.state_tables)
        customer = [(keys.CUSTOMERS, "customer_id")]
        lineage = {"customer_id": customer, "state": origins, "since": origins}
        columns = table_metadata(frame.schema, rows, descriptions=STATE_COLUMNS, lineage=lineage)
        return dg.MaterializeResult(metadata=columns | metadata)

    return customer_state


def _customer_features(
    platform: Platform, group: Group, features: list[Feature]
) -> dg.AssetsDefinition:
    key = keys.customer_features(group)
    profile = platform.profile
    in_group = {feature.name for feature in FEATURES if feature.group == group}
    missing = [
        {"feature": name, "reason": reason}
        for name, reason in missing_features(FEATURES, profile.tables).items()
        if name in in_group
    ]
    descriptions = {**KEY_COLUMNS, **feature_descriptions(features)}
    lineage = feature_sources(features, profile.tables)

    @dg.asset(
        key=asset_key(key),
        pool=key,
        deps=[asset_key(name) for name in (keys.DAILY_ACTIVITY, keys.CUSTOMERS, keys.WATERMARK)],
        kinds={"pyspark", "deltalake", "gold"},
        group_name="features",
        owners=OWNERS,
        description=f"{MEANING[group]} As known at the end of the last closed day.",
    )
    def customer_features(lake: Lake) -> dg.MaterializeResult:
        from retention_assets.features.current import current_day, current_features

        as_of = current_day(lake.read)
        frame = current_features(lake.read, profile, features, as_of)
        rows = lake.merge(key, frame, ["customer_id"])
        metadata = {
            "as_of": str(as_of),
            "features": rows_as_table(
                {"feature": feature.name, "meaning": feature.meaning} for feature in features
            ),
            "missing_features": rows_as_table(missing),
        }
        columns = table_metadata(frame.schema, rows, descriptions=descriptions, lineage=lineage)
        return dg.MaterializeResult(metadata=columns | metadata)

    return customer_features
