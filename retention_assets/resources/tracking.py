"""One MLflow run around one piece of work of a Dagster run, driven through dagster-mlflow.

dagster-mlflow has faults that are worked around here and nowhere else. It keeps one MLflow run per
Dagster run, so four candidates would overwrite each other: each block gets a run created before.
It logs into a run that is already active: refused. It never ends a successful run. It sets MLflow
up for the whole process, so blocks on other threads wait.
"""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import dagster as dg

from retention_assets.errors import RegistryError

if TYPE_CHECKING:
    from dagster_mlflow.resources import MlFlow

_TRACKING = Lock()


@dataclass(frozen=True)
class _JobName:
    job_name: str


@dataclass(frozen=True)
class _ResourceContext:
    """What dagster-mlflow reads of a legacy resource's context."""

    log: Any
    run_id: str
    dagster_run: _JobName
    resource_config: dict[str, Any]


def experiment_id(tracking_uri: str, name: str, artifacts: Path) -> str:
    """The experiment's id; created if missing, with its artifacts where MLflow's UI reads them."""
    import mlflow

    client = mlflow.MlflowClient(tracking_uri)
    experiment = client.get_experiment_by_name(name)
    return (
        experiment.experiment_id
        if experiment
        else client.create_experiment(name, artifact_location=artifacts.resolve().as_uri())
    )


@contextmanager
def tracked(
    context: dg.AssetExecutionContext,
    tracking_uri: str,
    experiment: str,
    artifacts: Path,
    name: str,
    tags: Mapping[str, str],
) -> Iterator["MlFlow"]:
    """An active MLflow run named `name`, tagged with its Dagster run; FAILED if the block fails."""
    import mlflow

    if mlflow.active_run():
        raise RegistryError(
            "Another MLflow run is active in this process.",
            "End it first.",
        )
    with _TRACKING:
        within = experiment_id(tracking_uri, experiment, artifacts)
        run_id = mlflow.MlflowClient(tracking_uri).create_run(within, run_name=name).info.run_id
        run = context.run
        config = {
            "experiment_name": experiment,
            "mlflow_tracking_uri": tracking_uri,
            "mlflow_run_id": run_id,
            "extra_tags": {
                f"dagster/{key.removeprefix('dagster/')}": value for key, value in run.tags.items()
            }
            | dict(tags),
        }
        tracker = _dagster_mlflow(_ResourceContext(context.log, run.run_id, _JobName(name), config))
        status = "FAILED"
        try:
            yield tracker
            status = "FINISHED"
        finally:
            mlflow.end_run(status)


def _dagster_mlflow(context: _ResourceContext) -> "MlFlow":
    """dagster-mlflow's client, without the beta warning that it repeats on every run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        from dagster_mlflow.resources import MlFlow

        return MlFlow(context)
