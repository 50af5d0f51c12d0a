"""value/*: what customers are worth, as Dagster assets."""

import dagster as dg

from retention_assets.platform import Platform
from retention_assets.value.lifetime.assets import lifetime_value


def assets(platform: Platform) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """The stage's assets for one source. Without sales no margin is known, and no value."""
    return [lifetime_value(platform)] if platform.profile.has("transactions") else []
