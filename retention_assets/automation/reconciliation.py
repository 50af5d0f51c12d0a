"""The graph, run in this process: source days, matured weeks, then everything else, in one Spark session.

What is already there and unchanged is left alone. Which days and weeks lack stands in backlog.py.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

import dagster as dg
from dagster._core.utils import make_new_run_id

from retention_assets.automation import backlog
from retention_assets.errors import RunFailedError
from retention_assets.modeling.label_window import matured_mondays
from retention_assets.platform import Platform
from retention_assets.services.instance import read_state, write_state

COMPLETE = "complete"  # name of the fact: which source and knobs the unpartitioned assets were last made from
SERVING = ("serving/online_features", "serving/champion_deployment")


class RunProgress(Protocol):
    """Shows a person how a run goes on. The command line has one; tests have others."""

    failure: RunFailedError | None

    def title(self, text: str) -> AbstractContextManager[None]: ...

    def on_event(self, entry: dg.EventLogEntry) -> None: ...


@dataclass
class GraphRun:
    """One `retention run` against one instance."""

    defs: dg.Definitions
    platform: Platform
    instance: dg.DagsterInstance
    progress: RunProgress
    tags: dict[str, str] = field(default_factory=lambda: {backlog.BY_HAND: "true"})

    def bring_up_to_date(self) -> bool:
        """Makes all that is missing or no longer true. Returns whether there was anything to do."""
        source = backlog.source_now(self.platform)
        wanted = {"source": backlog.digest(source), "knobs": self._knobs()}
        had = read_state(self.instance, COMPLETE) or {}
        read = self._read_days(source)
        filled = self._fill_weeks(again=had.get("knobs") != wanted["knobs"])
        rest = [key for key in self.keys(None) if key != backlog.WATERMARK]
        stale = had != wanted or any(
            self.instance.get_latest_materialization_event(key) is None for key in rest
        )
        if stale:
            self.make("Features, models, decisions, serving, monitoring", rest)
            write_state(self.instance, COMPLETE, wanted)
        return read or filled or stale

    def make_selected(self, selection: str) -> None:
        """Makes the selected assets again, whatever their state: daily ones for all days, weekly ones for all matured weeks."""
        keys = dg.AssetSelection.from_string(selection).resolve(self.defs.resolve_asset_graph())
        last = backlog.last_day(self.platform)
        first = self.platform.profile.start
        if daily := keys & set(self.keys(self.platform.partitions.daily)):
            self.make(f"Days {first} to {last}", daily, backlog.range_tags(first, last))
        weeks = self._matured()
        if weeks and (weekly := keys & set(self.keys(self.platform.partitions.weekly))):
            self.make(
                f"Weeks {weeks[0]} to {weeks[-1]}", weekly, backlog.range_tags(weeks[0], weeks[-1])
            )
        if rest := keys & set(self.keys(None)):
            self.make("Selected assets", rest)

    def deploy_again(self) -> None:
        self.make("Deployment", [dg.AssetKey.from_user_string(key) for key in SERVING])

    def keys(self, partitions: dg.PartitionsDefinition | None) -> list[dg.AssetKey]:
        nodes = self.defs.resolve_asset_graph().asset_nodes
        return sorted(node.key for node in nodes if node.partitions_def == partitions)

    def make(
        self, title: str, keys: Iterable[dg.AssetKey], tags: dict[str, str] | None = None
    ) -> None:
        """One Dagster run of these assets and their checks. Raises RunFailedError with the first cause."""
        run_id = make_new_run_id()
        job = self.defs.resolve_implicit_global_asset_job_def()
        self.instance.add_event_listener(run_id, self.progress.on_event)
        with self.progress.title(title):
            result = job.execute_in_process(
                instance=self.instance, asset_selection=sorted(keys), run_id=run_id, raise_on_error=False,
                tags=self.tags | (tags or {}), run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )  # fmt: skip
        if not result.success:
            log = self.platform.settings.logs / "run.log"
            failure = self.progress.failure or RunFailedError(f"{title} failed.", "")
            raise RunFailedError(
                failure.problem, failure.fix or f"The full account is in {log}."
            )

    def _read_days(self, source: dict[str, Any]) -> bool:
        days = backlog.days_to_read(self.platform, self.instance)
        if days is None:
            return False
        first, last = days
        tags = backlog.range_tags(first, last) | {backlog.ARRIVALS: backlog.digest(source)}
        self.make(
            f"Days {first} to {last}",
            [*self.keys(self.platform.partitions.daily), backlog.WATERMARK],
            tags,
        )
        backlog.mark_read(self.instance, source)
        return True

    def _fill_weeks(self, again: bool) -> bool:
        weeks = self._matured() if again else backlog.weeks_to_fill(self.platform, self.instance)
        if weeks:
            tags = backlog.range_tags(weeks[0], weeks[-1])
            self.make(
                f"Weeks {weeks[0]} to {weeks[-1]}", self.keys(self.platform.partitions.weekly), tags
            )
        return bool(weeks)

    def _matured(self) -> list[date]:
        watermark = date.fromisoformat(
            backlog.metadata_of(self.instance, backlog.WATERMARK)["watermark"]
        )
        return matured_mondays(self.platform.profile, self.platform.settings, watermark)

    def _knobs(self) -> str:
        return backlog.digest(self.platform.settings.result_settings())
