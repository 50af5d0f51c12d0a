"""Starts a search or a refit when the retraining decision says so."""

import dagster as dg

from retention_assets import keys
from retention_assets.automation import backlog
from retention_assets.automation.contract import reason_to_wait
from retention_assets.automation.jobs import REFIT, TRAINING, Jobs
from retention_assets.automation.manual_run import manual_run_active
from retention_assets.platform import Platform
from retention_assets.resources.metadata import asset_key

DECISION = "retention/decision"  # tag: storage id of the decision that a training carries out
MAX_TAG_LENGTH = 200
JOB_OF_ACTION = {"search": TRAINING, "refit": REFIT}


def retraining(jobs: Jobs, platform: Platform) -> dg.SensorDefinition:
    @dg.sensor(
        jobs=[jobs[TRAINING], jobs[REFIT]],
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=platform.settings.sensor_interval_s,
    )
    def retraining(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        """Trains once per retraining decision that asks for it, and never twice at a time: all
        candidates for a search, the champion's recipe alone for a refit.
        """
        instance = context.instance
        decision = asset_key(keys.RETRAINING_DECISION)
        records = instance.fetch_materializations(decision, limit=1).records
        if not records:
            return dg.SkipReason("There is no retraining decision yet.")
        metadata = backlog.metadata_of(instance, keys.RETRAINING_DECISION)
        reason = str(metadata["reason"])
        job = JOB_OF_ACTION.get(str(metadata.get("action")))
        if job is None:
            return dg.SkipReason(reason)
        is_training = any(backlog.run_in_flight(instance, name) for name in (TRAINING, REFIT))
        if manual_run_active(instance) or is_training:
            return dg.SkipReason("A training is queued or active.")
        if waiting := reason_to_wait(platform):
            return dg.SkipReason(waiting)
        tags = {DECISION: str(records[0].storage_id)}
        if backlog.has_succeeded(instance, tags):
            return dg.SkipReason("The latest decision has been carried out.")
        failed = backlog.failures(instance, job, tags)
        if failed >= backlog.ATTEMPTS:
            return dg.SkipReason(
                f"The training failed {failed} times. It is tried again at the next decision."
            )
        return dg.RunRequest(
            f"decision-{tags[DECISION]}:{failed}",
            job_name=job,
            tags=tags | {"retention/reason": reason[:MAX_TAG_LENGTH]},
        )

    return retraining
