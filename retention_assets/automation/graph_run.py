"""One `retention run` from start to end: services, source, graph, deployment.

The caller shows what is reported; nothing is printed here. Which assets need a run stands in
reconciliation.py.
"""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

import dagster as dg

from retention_assets.automation import backlog
from retention_assets.automation.contract import claim
from retention_assets.automation.manual_run import manual_run
from retention_assets.automation.reconciliation import Reconciliation, RunProgress
from retention_assets.errors import SetupError
from retention_assets.keys import CHURN, CHURN_CHAMPION
from retention_assets.platform import Platform
from retention_assets.resources.deployer import Deployer
from retention_assets.resources.registry import ModelVersion, Registry
from retention_assets.services import catalog as services
from retention_assets.services.instance import open_instance
from retention_assets.settings import Settings
from retention_assets.simulation.source_folder import make_simulated_source


class RunReporter(RunProgress, Protocol):
    """Shows a person what a run does. The command line has one; tests have others."""

    def activity(self, text: str) -> AbstractContextManager[Callable[[str], None]]:
        """Shows that work goes on; the function that it yields replaces the text."""
        ...


@dataclass(frozen=True)
class GraphRunResult:
    """What a run ended with. `changed`: whether any asset was materialized. `reason`: why the last
    challenger was promoted or not. Where only selected assets were materialized, the others are not
    read and stay None.
    """

    changed: bool
    watermark: str | None = None
    champion: ModelVersion | None = None
    reason: str | None = None


def run_graph(
    defs: dg.Definitions, platform: Platform, *, select: str | None, reporter: RunReporter
) -> GraphRunResult:
    """Starts the services, materializes what is missing or outdated, and deploys the champion.

    `select` (Dagster's selection syntax) materializes the selected assets instead, whatever their
    state. Raises SetupError where another run is at work in the home, RunFailedError where an
    asset fails.
    """
    settings = platform.settings
    # The lock comes before the services: automation must not start on a source that this run is
    # about to read.
    with (
        run_lock(settings),
        open_instance(settings) as instance,
        manual_run(instance),
    ):
        # The services start while the source is read; only what comes later needs them.
        services.start(settings)
        _await_automation(instance, reporter)
        services.reload_code(settings)
        claim(platform)
        _prepare_source(platform, reporter)
        graph = Reconciliation(
            defs,
            platform,
            instance,
            reporter,
            await_services=lambda: services.await_ready(settings, report=reporter.message),
        )
        if select:
            graph.materialize_selected(select)
            return GraphRunResult(changed=True)
        changed = graph.bring_up_to_date()
        champion = Registry.of(settings).champion(CHURN)
        if champion and not _is_served(settings, champion):
            graph.redeploy()
        watermark = str(backlog.watermark(instance))
        reason = backlog.metadata_of(instance, CHURN_CHAMPION).get("reason")
    return GraphRunResult(changed, watermark, champion, reason=str(reason) if reason else None)


def _await_automation(instance: dg.DagsterInstance, reporter: RunReporter) -> None:
    """Waits for runs that automation has launched: they write the same tables as this run."""
    in_flight = dg.RunsFilter(statuses=backlog.IN_FLIGHT)
    if runs := instance.get_runs(in_flight):
        names = ", ".join(run.job_name for run in runs)
        reporter.message(f"Waiting for runs that automation has started: {names}")
    while instance.get_runs_count(in_flight):
        time.sleep(1)


def _prepare_source(platform: Platform, reporter: RunReporter) -> None:
    """Makes the simulated source where it is the one that is read."""
    if not platform.profile.is_simulated:
        return
    settings = platform.settings
    began = time.monotonic()
    with reporter.activity("simulating the source") as update:

        def show(day: int, days: int) -> None:
            update(f"simulating day {day} of {days}")

        is_new = make_simulated_source(settings, show)
    if is_new:
        reporter.message(
            f"Simulated source: {settings.simulated_customers:,} customers,"
            f" {settings.simulated_days} days, seed {settings.simulated_seed},"
            f" in {time.monotonic() - began:.1f} s"
        )


def _is_served(settings: Settings, champion: ModelVersion) -> bool:
    """Whether exactly this model answers over HTTP, with features from the online store."""
    ready = Deployer.of(settings).ready()
    return (
        ready is not None
        and ready["model_digest"] == champion.digest
        and ready["store"] == "online"
    )


@contextmanager
def run_lock(settings: Settings) -> Iterator[None]:
    """Allows one `retention run` or `rollback` at a time in a home."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with (settings.home / "run.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SetupError(
                f"Another `retention run` or `rollback` is at work in {settings.home}.",
                "Wait until it has ended, or stop it.",
            ) from error
        yield
