"""The code location, assembled: the stages' assets, the outside world they work in, and the clock. Nothing else."""

import dagster as dg

from retention_assets.automation import conditions as automation
from retention_assets.automation.step_threads import step_threads
from retention_assets.decisions import assets as decisions
from retention_assets.features import assets as features
from retention_assets.ingestion import assets as ingestion
from retention_assets.monitoring import assets as monitoring
from retention_assets.platform import Platform
from retention_assets.resources.alerts import Alerts
from retention_assets.resources.deployer import Deployer
from retention_assets.resources.lake import Lake
from retention_assets.resources.online import OnlineStore
from retention_assets.resources.registry import Registry
from retention_assets.serving import assets as serving
from retention_assets.settings import Settings
from retention_assets.training import assets as training
from retention_assets.validation import assets as validation

STAGES = (ingestion, validation, features, training, decisions, serving, monitoring)


def build_definitions(settings: Settings) -> dg.Definitions:
    """The code location of one home and source. Several may live in one process."""
    platform = Platform.of(settings)
    made = [item for stage in STAGES for item in stage.assets(platform)]
    checks = [item for item in made if isinstance(item, dg.AssetChecksDefinition)]
    assets = automation.on_the_clock(
        [item for item in made if not isinstance(item, dg.AssetChecksDefinition)], platform
    )
    jobs = automation.retention_jobs(assets, platform)
    return dg.Definitions(
        assets=assets,
        asset_checks=checks,
        resources={
            "lake": Lake.of(settings),
            "registry": Registry.of(settings),
            "online": OnlineStore.of(settings),
            "deployer": Deployer.of(settings),
            "alerts": Alerts.of(settings),
        },
        executor=step_threads,
        jobs=list(jobs.values()),
        schedules=automation.retention_schedules(jobs, platform),
        sensors=automation.retention_sensors(jobs, platform),
    )


@dg.definitions
def defs() -> dg.Definitions:
    return build_definitions(Settings())
