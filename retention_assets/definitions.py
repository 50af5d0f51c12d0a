"""The code location: every stage's assets, the resources they get, and automation. Nothing else."""

import dagster as dg

from retention_assets.automation.asset_definitions import contract_of
from retention_assets.automation.conditions import with_automation
from retention_assets.automation.contract import digests, with_code_versions
from retention_assets.automation.jobs import retention_jobs
from retention_assets.automation.schedules import retention_schedules
from retention_assets.automation.sensors import retention_sensors
from retention_assets.automation.step_threads import step_threads
from retention_assets.decisions import assets as decisions
from retention_assets.features import assets as features
from retention_assets.ingestion import assets as ingestion
from retention_assets.monitoring import assets as monitoring
from retention_assets.platform import Platform
from retention_assets.resources.alerts import Alerts
from retention_assets.resources.deployer import Deployer
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import with_location
from retention_assets.resources.online import OnlineStore
from retention_assets.resources.registry import Registry
from retention_assets.serving import assets as serving
from retention_assets.settings import Settings
from retention_assets.training import assets as training
from retention_assets.validation import assets as validation
from retention_assets.value import assets as value

STAGES = (ingestion, validation, features, value, training, decisions, serving, monitoring)


def build_definitions(platform: Platform) -> dg.Definitions:
    """The code location of one home and source. Several can exist in one process."""
    settings = platform.settings
    items = [item for stage in STAGES for item in stage.assets(platform)]
    checks = [item for item in items if isinstance(item, dg.AssetChecksDefinition)]
    assets = [with_location(item, settings.lake_root) for item in items if item not in checks]
    contract = contract_of(platform)
    assets = with_automation(with_code_versions(assets, contract), platform)
    jobs = retention_jobs(assets, platform)
    return dg.Definitions(
        assets=dg.with_source_code_references(assets),
        asset_checks=checks,
        resources={
            "lake": Lake.of(settings, digests(contract)),
            "registry": Registry.of(settings),
            "online": OnlineStore.of(settings),
            "deployer": Deployer.of(settings),
            "alerts": Alerts.of(settings),
        },
        executor=step_threads,
        jobs=list(jobs.values()),
        schedules=retention_schedules(jobs, platform),
        sensors=retention_sensors(jobs, platform),
    )


@dg.definitions
def defs() -> dg.Definitions:
    return build_definitions(Platform.of(Settings()))
