"""features/catalog as a Dagster asset.

It belongs to the features, and is made last, as it shows the champion and the drift report beside
them. So its code stands here, where both can be imported.
"""

from dataclasses import astuple
from typing import TYPE_CHECKING

import dagster as dg

from retention_assets import keys
from retention_assets.features.availability import available_features
from retention_assets.features.declarations import FEATURES
from retention_assets.monitoring.catalog.importance import importances
from retention_assets.monitoring.catalog.rows import (
    ShiftOfFeature,
    catalog_page,
    catalog_rows,
)
from retention_assets.monitoring.champion_scorer import champion_scorer
from retention_assets.monitoring.columns import CATALOG_COLUMNS, descriptions_of, schema_of
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import asset_key, markdown, table_metadata
from retention_assets.resources.registry import Registry

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from serve.model.scorer import Scorer

OWNERS = ["team:data-platform"]


def feature_catalog(platform: Platform) -> dg.AssetsDefinition:
    """The catalog of one source."""
    profile = platform.profile
    seed = platform.settings.seed
    available = available_features(FEATURES, profile.tables)
    tables = sorted({keys.customer_features(item.group) for item in available})
    inputs = (*tables, keys.CUSTOMER_STATE, keys.CHURN_CHAMPION, keys.FEATURE_DRIFT)

    @dg.asset(
        key=asset_key(keys.FEATURE_CATALOG),
        pool=keys.FEATURE_CATALOG,
        deps=[asset_key(name) for name in inputs],
        kinds={"table", "deltalake"},
        group_name="features",
        owners=OWNERS,
    )
    def catalog(lake: Lake, registry: Registry) -> dg.MaterializeResult:
        """Every feature: its meaning and window, how often it is unknown today, how far it has
        drifted, how important it is to the champion, or why models do not read it.
        """
        from retention_assets.monitoring.samples import current_customers, unknown_shares

        current = current_customers(lake.read, tables)
        champion = registry.champion(keys.CHURN)
        reported = lake.read(keys.FEATURE_DRIFT).select("feature", "effect", "drifted").collect()
        rows = catalog_rows(
            FEATURES,
            profile.tables,
            unknown=unknown_shares(current, [item.name for item in available]),
            shifts={name: ShiftOfFeature(*shift) for name, *shift in reported},
            importance=_importances(champion_scorer(champion, registry), current, seed)
            if champion
            else {},
        )
        records = [astuple(row) for row in rows]
        frame = lake.spark.createDataFrame(records, schema_of(CATALOG_COLUMNS))
        count = lake.overwrite(keys.FEATURE_CATALOG, frame)
        columns = table_metadata(frame.schema, count, descriptions=descriptions_of(CATALOG_COLUMNS))
        return dg.MaterializeResult(
            metadata=columns
            | {
                "catalog": markdown(catalog_page(rows)),
                "read_by_models": sum(row.left_out_because is None for row in rows),
                "champion": champion.version if champion else "none yet",
            }
        )

    return catalog


def _importances(scorer: "Scorer", current: "DataFrame", seed: int) -> dict[str, float]:
    from retention_assets.monitoring.samples import columns, sampled_customers

    known = [name for name in scorer.features if name in current.columns]
    return importances(scorer, columns(sampled_customers(current), known), seed=seed)
