"""The jobs that sensors and schedules start. Each is a selection of assets."""

from collections.abc import Sequence

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from retention_assets import keys
from retention_assets.automation.conditions import keys_of
from retention_assets.platform import Platform
from retention_assets.resources.metadata import asset_key

NEW_DAYS = "new_days"
MATURED_WEEKS = "matured_weeks"
TRAINING = "training"
REFIT = "refit"
WEEKLY_REVIEW = "weekly_review"
DEPLOYMENT = "deployment"

Jobs = dict[str, UnresolvedAssetJobDefinition]


def retention_jobs(assets: Sequence[dg.AssetsDefinition], platform: Platform) -> Jobs:
    """Every job by its name."""
    daily = keys_of(assets, platform.partitions.daily)
    examples = _assets(keys.CHURN_EXAMPLES)
    selections = {
        NEW_DAYS: dg.AssetSelection.assets(*daily) | _assets(keys.SOURCE_FILES, keys.WATERMARK),
        MATURED_WEEKS: examples,
        TRAINING: dg.AssetSelection.groups("training") - examples,
        REFIT: _assets(keys.CHURN_CHAMPION, keys.TEST_PERIODS),
        WEEKLY_REVIEW: _assets(keys.FEATURE_DRIFT, keys.RETRAINING_DECISION),
        DEPLOYMENT: _assets(keys.CHAMPION_DEPLOYMENT),
    }
    return {name: dg.define_asset_job(name, selection) for name, selection in selections.items()}


def _assets(*names: str) -> dg.AssetSelection:
    return dg.AssetSelection.assets(*map(asset_key, names))
