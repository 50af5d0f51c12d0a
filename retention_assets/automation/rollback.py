"""One `retention rollback`: the previous champion is restored, and the deployment follows.

The champion's page gets an event, so that automation makes anew what depends on the champion.
"""

from dataclasses import dataclass
from datetime import datetime

import dagster as dg

from retention_assets import keys
from retention_assets.automation import backlog
from retention_assets.automation.graph_run import run_lock
from retention_assets.automation.manual_run import manual_run
from retention_assets.automation.reconciliation import Reconciliation, RunProgress
from retention_assets.errors import ContractError, RegistryError, SetupError
from retention_assets.features.availability import definition_of_features
from retention_assets.platform import Platform
from retention_assets.resources.champion_history import previous_term
from retention_assets.resources.metadata import asset_key
from retention_assets.resources.registry import ModelVersion, Registry
from retention_assets.services.instance import open_instance
from retention_assets.services.probes import answers_tcp
from retention_assets.services.ray_head import local_ray_address
from retention_assets.training.champion.promotion import reads_other_features
from retention_assets.training.champion.recorded_promotion import publish_card
from retention_assets.training.model_card.page import champion_page

# What automation makes anew after a rollback. The deployment is made anew by the rollback itself.
FOLLOWERS = (keys.ONLINE_FEATURES, keys.CHURN_SCORES, keys.FEATURE_DRIFT, keys.FEATURE_CATALOG)


@dataclass(frozen=True)
class Rollback:
    """`champion` is in use again, in place of `replaced`."""

    champion: ModelVersion
    replaced: ModelVersion
    reason: str


def roll_back(
    defs: dg.Definitions, platform: Platform, *, reason: str, at: datetime, progress: RunProgress
) -> Rollback:
    """Restores the previous champion of the churn task and deploys it.

    Raises, and changes nothing, if the platform is not running, another run is at work, or there is
    no previous champion that can be given today's features. Raises RunFailedError if the deployment
    fails; then the sensor `undeployed_champion` repeats it.
    """
    settings = platform.settings
    registry = Registry.of(settings)
    _require_ray(local_ray_address(settings))
    with run_lock(settings), open_instance(settings) as instance, manual_run(instance):
        rollback = plan_rollback(registry, definition_of_features(platform.profile.tables), reason)
        watermark = backlog.watermark(instance)
        registry.restore(
            keys.CHURN,
            rollback.champion.version,
            reason=reason,
            watermark=str(watermark) if watermark else None,
            at=at,
        )
        for version in (rollback.replaced, rollback.champion):
            publish_card(registry, keys.CHURN, version.version)
        instance.report_runless_asset_event(_event(registry, rollback))
        graph = Reconciliation(defs, platform, instance, progress)
        graph.materialize("Deployment", [asset_key(keys.CHAMPION_DEPLOYMENT)])
    return rollback


def plan_rollback(registry: Registry, definition: str, reason: str) -> Rollback:
    """Who would be champion after a rollback; changes nothing. `definition`: of today's features.

    Raises RegistryError without a previous champion, ContractError if it reads other features.
    """
    terms = registry.history(keys.CHURN) if registry.exists() else []
    if not terms:
        raise RegistryError("There is no champion yet.", "Run the graph first: `retention run`.")
    present = registry.version(keys.CHURN, terms[-1].version)
    previous = previous_term(terms)
    if previous is None:
        raise RegistryError(
            f"There is no champion before version {present.version} to go back to.",
            "Train a new model; `retention model` shows who was champion.",
        )
    restored = registry.version(keys.CHURN, previous.version)
    if reads_other_features(restored, definition):
        raise ContractError(
            f"The champion before, version {restored.version}, was trained on features of another "
            "definition than today's.",
            "Take the change of the features back, or train a new model.",
        )
    return Rollback(restored, present, reason)


def _require_ray(address: str) -> None:
    if not answers_tcp(address):
        raise SetupError(
            f"The platform is not running: Ray does not answer at {address}, so the previous "
            "champion could not be deployed.",
            "Start it with `retention up`, and repeat.",
        )


def _event(registry: Registry, rollback: Rollback) -> dg.AssetMaterialization:
    """What the champion's page shows of the rollback; automation and the sensor of the deployment
    read the digest.
    """
    champion = rollback.champion
    metadata = {
        "promoted": False,
        "reason": f"Rolled back from version {rollback.replaced.version}: {rollback.reason}",
        "champion": champion.candidate,
        "model_version": champion.version,
        "digest": champion.digest,
        "mlflow_run": champion.run_id,
    }
    return dg.AssetMaterialization(
        asset_key(keys.CHURN_CHAMPION), metadata=metadata | champion_page(registry, keys.CHURN)
    )
