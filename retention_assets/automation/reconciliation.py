"""Brings the graph up to date in this process: source days, matured weeks, then everything else.

Assets that exist and whose inputs have not changed are left alone. backlog.py says which days and
weeks are missing.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run
from dagster._core.utils import make_new_run_id

from retention_assets import keys
from retention_assets.automation import backlog
from retention_assets.automation.asset_definitions import contract_of
from retention_assets.automation.contract import (
    changes_of,
    first_lines,
    outdated_assets,
    record_contract,
)
from retention_assets.automation.manual_run import MANUAL_RUN
from retention_assets.automation.selection import selected_assets
from retention_assets.errors import RunFailedError
from retention_assets.platform import Platform
from retention_assets.resources.metadata import asset_key
from retention_assets.services.instance import read_state, write_state

COMPLETE = "complete"  # source and day that the unpartitioned assets were made from
# Unpartitioned assets that follow the source's days, and are materialized with them.
OF_DAYS = (asset_key(keys.SOURCE_FILES), asset_key(keys.WATERMARK))
SERVING = (keys.ONLINE_FEATURES, keys.CHAMPION_DEPLOYMENT)
SECOND_LOOK_S = 2  # what a file that is being written is given to change
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class RunProgress(Protocol):
    """Shows a person how a run goes on. The command line has one; tests have others."""

    failure: RunFailedError | None

    def title(self, text: str) -> AbstractContextManager[None]: ...

    def on_event(self, entry: dg.EventLogEntry) -> None: ...

    def message(self, text: str) -> None:
        """Shows one line."""
        ...


def _nothing_to_await() -> None: ...


@dataclass
class Reconciliation:
    """Compares one home's graph with its source and contract, and materializes what differs.

    `await_services` is called before the first asset that needs a service besides Spark.
    """

    defs: dg.Definitions
    platform: Platform
    instance: dg.DagsterInstance
    progress: RunProgress
    await_services: Callable[[], None] = _nothing_to_await

    def bring_up_to_date(self) -> bool:
        """Materializes what is missing or outdated. Returns whether there was anything to do."""
        previous = read_state(self.instance, COMPLETE) or {}
        day_before = backlog.watermark(self.instance)
        outdated = self._begin_new_contract()
        days_remade = self._read_days(outdated) if outdated else False
        days_read = self._read_days()
        current = {
            "source": backlog.source_digest(self.platform),
            "as_of": str(self.platform.settings.as_of),
        }
        watermark = asset_key(keys.WATERMARK)
        is_stale = watermark in outdated or previous.get("as_of") != current["as_of"]
        if is_stale and not (days_remade or days_read):
            self.materialize("Watermark", [watermark])
        weeks_filled = self._fill_weeks(refill=asset_key(keys.CHURN_EXAMPLES) in outdated)
        due = [key for key in self.keys(None) if key not in OF_DAYS]
        if previous == current and day_before == backlog.watermark(self.instance):
            due = due if self._is_any_missing(due) else _those_in(due, outdated)
        self.await_services()
        if due:
            self.materialize("Features, models, decisions, serving, monitoring", due)
            write_state(self.instance, COMPLETE, current)
        record_contract(self.platform.settings.home, contract_of(self.platform))
        return days_remade or days_read or weeks_filled or bool(due)

    def materialize_selected(self, selection: str) -> None:
        """Materializes the selected assets, whatever their state.

        Daily assets for all days, weekly assets for all matured weeks. Raises SelectionError if no
        asset is selected.
        """
        selected = selected_assets(self.defs, selection)
        partitions = self.platform.partitions
        first = self.platform.profile.start
        last = backlog.last_day(self.platform)
        self.await_services()
        # The watermark comes with the days, because it decides which weeks are matured.
        of_days = selected & set(OF_DAYS)
        if daily := selected & set(self.keys(partitions.daily)):
            tags = backlog.range_tags(first, last)
            self.materialize(f"Days {first} to {last}", daily | of_days, tags)
        elif of_days:
            self.materialize("Ledger and watermark", of_days)
        weeks = backlog.matured_weeks(self.platform, self.instance)
        if weeks and (weekly := selected & set(self.keys(partitions.weekly))):
            self._materialize_weeks(weeks, weekly)
        if others := selected & set(self.keys(None)) - of_days:
            self.materialize("Selected assets", others)

    def redeploy(self) -> None:
        """Publishes the features and deploys the champion again."""
        self.materialize("Deployment", [asset_key(key) for key in SERVING])

    def keys(self, partitions: dg.PartitionsDefinition | None) -> list[dg.AssetKey]:
        """Keys of the assets with these partitions, or without any."""
        nodes = self.defs.resolve_asset_graph().asset_nodes
        return sorted(node.key for node in nodes if node.partitions_def == partitions)

    def materialize(
        self,
        title: str,
        asset_keys: Iterable[dg.AssetKey],
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """One Dagster run of these assets and their checks. Raises RunFailedError if it fails."""
        selection = frozenset(asset_keys)
        job = self.defs.resolve_implicit_global_asset_job_def()
        run_id = make_new_run_id()
        self.instance.add_event_listener(run_id, self.progress.on_event)
        run = self.instance.create_run_for_job(
            job_def=job.get_subset(asset_selection=selection),
            run_id=run_id,
            run_config=QUIET,
            tags={MANUAL_RUN: "true", **(tags or {})},
            asset_selection=selection,
        )
        with self.progress.title(title):
            result = execute_run(InMemoryJob(job), run, self.instance, raise_on_error=False)
        if not result.success:
            log = self.platform.settings.logs / "run.log"
            failure = self.progress.failure or RunFailedError(f"{title} failed.", "")
            raise RunFailedError(failure.problem, failure.fix or f"See the full error in {log}.")

    def _is_any_missing(self, asset_keys: Iterable[dg.AssetKey]) -> bool:
        latest = self.instance.get_latest_materialization_event
        return any(latest(key) is None for key in asset_keys)

    def _begin_new_contract(self) -> set[dg.AssetKey]:
        """The assets that another contract made, and what follows from them.

        Says so, and takes their definitions out of the home's contract: if this run ends before
        they are remade, the next one remakes them, whatever the contract is then.
        """
        changes = changes_of(self.platform)
        outdated = outdated_assets(changes, self.defs)
        if not outdated:
            return outdated
        names = {key.to_user_string() for key in outdated}
        for line in first_lines(changes):
            self.progress.message(f"Changed: {line}")
        remade = ", ".join(self._with_weeks(name) for name in sorted(names))
        self.progress.message(f"Made anew: {remade}")
        contract = contract_of(self.platform)
        unchanged = {key: contract[key] for key in contract if key not in names}
        record_contract(self.platform.settings.home, unchanged)
        return outdated

    def _with_weeks(self, key: str) -> str:
        if key != keys.CHURN_EXAMPLES:
            return key
        return f"{key} ({len(backlog.filled_weeks(self.platform)):,} weeks)"

    def _read_days(self, outdated: Collection[dg.AssetKey] = ()) -> bool:
        """Reads new files. If daily assets are outdated: makes all their days anew instead."""
        look = self._look()
        files = look.state.unread
        daily = self.keys(self.platform.partitions.daily)
        again = _those_in(daily, outdated)
        if outdated and not again:
            return False
        days = backlog.days_to_read(self.platform, look, files, anew=bool(again))
        if days is None:
            return False
        first, last = days
        arrivals = backlog.files_digest(files, look.state.forgotten)
        tags = backlog.range_tags(first, last) | {backlog.ARRIVALS: arrivals}
        self.materialize(f"Days {first} to {last}", [*(again or daily), *OF_DAYS], tags)
        return True

    def _look(self) -> backlog.Look:
        """The source, without files that change between two looks."""
        look = backlog.look_at_source(self.platform, self.instance)
        if self.platform.profile.is_simulated:  # its files were written by this process
            return look
        _, growing = backlog.note_growing(self.platform, look, now=time.time())
        if not growing:
            return look
        time.sleep(SECOND_LOOK_S)
        return backlog.look_at_source(self.platform, self.instance)

    def _fill_weeks(self, *, refill: bool) -> bool:
        if refill:
            matured = backlog.matured_weeks(self.platform, self.instance)
            weeks = sorted({*matured, *backlog.filled_weeks(self.platform)})
        else:
            weeks = backlog.weeks_to_fill(self.platform, self.instance)
        if weeks:
            self._materialize_weeks(weeks, self.keys(self.platform.partitions.weekly))
        return bool(weeks)

    def _materialize_weeks(self, weeks: list[date], asset_keys: Iterable[dg.AssetKey]) -> None:
        first = weeks[0]
        last = weeks[-1]
        tags = backlog.range_tags(first, last)
        self.materialize(f"Weeks {first} to {last}", asset_keys, tags)


def _those_in(
    asset_keys: Iterable[dg.AssetKey], other: Collection[dg.AssetKey]
) -> list[dg.AssetKey]:
    return [key for key in asset_keys if key in other]
