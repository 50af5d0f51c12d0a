"""Deploys the champion again when it should answer and does not, as after Ray's head died."""

import math
import time
from dataclasses import dataclass

import dagster as dg

from retention_assets import keys
from retention_assets.automation import backlog
from retention_assets.automation.jobs import DEPLOYMENT, Jobs
from retention_assets.automation.manual_run import manual_run_active
from retention_assets.platform import Platform
from retention_assets.resources.deployer import Deployer
from retention_assets.resources.metadata import asset_key
from retention_assets.services.probes import answers_tcp
from retention_assets.services.ray_head import local_ray_address

LONGEST_WAIT_S = 3600
RECENT_RUNS = 10
NEW_CHAMPION_TICKS = 2  # a training ends before the conditions' next tick


@dataclass(frozen=True)
class ExpectedModel:
    """The model that should answer. `undeployed_s`: seconds since its training; infinite if it was
    deployed already.
    """

    digest: str
    undeployed_s: float


def undeployed_champion(jobs: Jobs, platform: Platform) -> dg.SensorDefinition:
    settings = platform.settings

    @dg.sensor(
        job=jobs[DEPLOYMENT],
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=settings.sensor_interval_s,
    )
    def undeployed_champion(
        context: dg.SensorEvaluationContext, deployer: dg.ResourceParam[Deployer]
    ) -> dg.RunRequest | dg.SkipReason:
        """Deploys the champion when Ray runs and GET /ready does not report the champion."""
        instance = context.instance
        expected = expected_model(instance)
        if expected is None:
            return dg.SkipReason("There is no champion yet.")
        if expected.undeployed_s < NEW_CHAMPION_TICKS * settings.sensor_interval_s:
            return dg.SkipReason("The champion is new. Its automation condition deploys it.")
        if manual_run_active(instance) or backlog.run_in_flight(instance):
            return dg.SkipReason("Waiting for the runs that are queued or active.")
        address = local_ray_address(settings)
        if not answers_tcp(address):
            return dg.SkipReason(f"Ray does not answer at {address}.")
        if (deployer.ready() or {}).get("model_digest") == expected.digest:
            return dg.SkipReason("The champion is served.")
        attempts, wait_s = _attempts(instance, settings.sensor_interval_s)
        if wait_s > 0:
            return dg.SkipReason(f"The last deployment failed. Next attempt in {wait_s:.0f} s.")
        return dg.RunRequest(f"{expected.digest}:{attempts}")

    return undeployed_champion


def expected_model(instance: dg.DagsterInstance) -> ExpectedModel | None:
    """The champion as the training or the deployment last recorded it, whichever is newer.

    A training whose deployment failed is to be deployed, and so is the model of the last
    deployment when Ray has lost it. None: there is no champion yet.
    """
    trained = instance.get_latest_materialization_event(asset_key(keys.CHURN_CHAMPION))
    deployed = instance.get_latest_materialization_event(asset_key(keys.CHAMPION_DEPLOYMENT))
    if trained and not (deployed and deployed.timestamp > trained.timestamp):
        digest = backlog.metadata_of(instance, keys.CHURN_CHAMPION).get("digest")
        age_s = time.time() - trained.timestamp
    else:
        digest = backlog.metadata_of(instance, keys.CHAMPION_DEPLOYMENT).get("model_digest")
        age_s = math.inf
    return ExpectedModel(digest, age_s) if digest else None


def _attempts(instance: dg.DagsterInstance, interval_s: int) -> tuple[int, float]:
    """How many deployments were started by this sensor, and seconds to wait before the next one.

    The wait doubles with each failure since the last success, up to an hour: a deployment that
    cannot succeed must not keep the machine busy, and one whose fault was fixed must come back.
    """
    runs = dg.RunsFilter(job_name=DEPLOYMENT)
    records = instance.get_run_records(runs, limit=RECENT_RUNS)
    failed = 0
    for record in records:
        if record.dagster_run.status == dg.DagsterRunStatus.SUCCESS:
            break
        failed += 1
    ended = records[0].end_time or records[0].create_timestamp.timestamp() if records else 0.0
    pause_s = min(LONGEST_WAIT_S, interval_s * 2**failed) if failed else 0.0
    return instance.get_runs_count(runs), ended + pause_s - time.time()
