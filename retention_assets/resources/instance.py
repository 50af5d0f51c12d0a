"""The Dagster instance of a home, and the small facts that its clock and `retention run` share in its storage.

Opens and configures only: what is run, and when, is automation.py's and the command line's business.
"""

import json
from typing import Any

import dagster as dg
import yaml

from retention_assets.settings import Settings

SQLITE = {
    "run_storage": ("dagster._core.storage.runs", "SqliteRunStorage", "history"),
    "event_log_storage": ("retention_assets.resources.event_log", "BatchedSqliteEventLogStorage", "history/runs"),
    "schedule_storage": ("dagster._core.storage.schedules", "SqliteScheduleStorage", "schedules"),
}
STATE_PREFIX = "retention/"


def instance_config(settings: Settings) -> dict[str, Any]:
    """dagster.yaml of this home. One run at a time: each holds a Spark session, and they write the same tables."""
    home = settings.dagster_home
    storages = {
        kind: {"module": module, "class": name, "config": {"base_dir": str(home / folder)}}
        for kind, (module, name, folder) in SQLITE.items()
    }
    ticks = {"purge_after_days": {"skipped": 1, "success": 30, "failure": 30, "started": 30}}
    return {
        **storages,
        "local_artifact_storage": {
            "module": "dagster._core.storage.root",
            "class": "LocalArtifactStorage",
            "config": {"base_dir": str(home)},
        },
        "concurrency": {"runs": {"max_concurrent_runs": 1}},
        "retention": {"schedule": ticks, "sensor": ticks, "auto_materialize": ticks},
        "telemetry": {"enabled": False},
        "nux": {"enabled": False},
    }


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """The home's instance. Its dagster.yaml is written once; edit it to move Dagster's storage to Postgres."""
    file = settings.dagster_home / "dagster.yaml"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(".draft")
        draft.write_text(yaml.safe_dump(instance_config(settings), sort_keys=False))
        draft.replace(file)
        with dg.DagsterInstance.from_config(str(settings.dagster_home)) as new:
            open_log(new)
    return dg.DagsterInstance.from_config(str(settings.dagster_home))


def open_log(instance: dg.DagsterInstance) -> None:
    """Writes the first line of a new event log.

    An empty log has no position, and an automation condition that looked at it cannot tell later who updated what.
    """
    note = "This home was made; nothing is read yet."
    instance.report_runless_asset_event(dg.AssetObservation(["raw", "customers"], description=note))


def read_state(instance: dg.DagsterInstance, name: str) -> dict[str, Any] | None:
    """A fact that outlives runs, such as which source files are in the lake. None: never written."""
    key = STATE_PREFIX + name
    text = instance.daemon_cursor_storage.get_cursor_values({key}).get(key)
    return json.loads(text) if text else None


def write_state(instance: dg.DagsterInstance, name: str, value: dict[str, Any]) -> None:
    instance.daemon_cursor_storage.set_cursor_values({STATE_PREFIX + name: json.dumps(value, sort_keys=True)})
