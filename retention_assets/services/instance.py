"""The Dagster instance of a home, and the state that automation and `retention run` share in it.

Opens and configures only: what runs, and when, is decided in automation/.
"""

import json
import os
from pathlib import Path
from typing import Any

import dagster as dg
import yaml

from retention_assets.errors import SetupError
from retention_assets.settings import DAGSTER_YAML, Settings

SQLITE = {
    "run_storage": ("dagster._core.storage.runs", "SqliteRunStorage", "history"),
    "event_log_storage": (
        "retention_assets.services.event_log",
        "BatchedSqliteEventLogStorage",
        "history/runs",
    ),
    "schedule_storage": ("dagster._core.storage.schedules", "SqliteScheduleStorage", "schedules"),
}
DATABASES = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")
ARTIFACTS = ("dagster._core.storage.root", "LocalArtifactStorage", "")
STATE_PREFIX = "retention/"
GENERATED = "# Generated from the clone's dagster.yaml at every start: change that file instead.\n"


def instance_config(settings: Settings, clone_config: Path = DAGSTER_YAML) -> dict[str, Any]:
    """The content of this home's dagster.yaml: the clone's, with SQLite in the home by default.

    Raises SetupError where the clone's file is missing or not a mapping.
    """
    try:
        config = yaml.safe_load(clone_config.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise SetupError(
            f"{clone_config} cannot be read: {error}.", "Restore it from the repository."
        ) from error
    if not isinstance(config, dict):
        raise SetupError(
            f"{clone_config} is not a mapping of Dagster's settings.",
            "Restore it from the repository.",
        )
    local = {} if "storage" in config else SQLITE
    return {
        kind: _in_home(settings, *named)
        for kind, named in {**local, "local_artifact_storage": ARTIFACTS}.items()
    } | config


def home_databases(settings: Settings, clone_config: Path = DAGSTER_YAML) -> list[Path]:
    """Dagster's databases in the home; none where the clone's dagster.yaml names any storage.

    The databases of single runs are left out: they follow the index of the event log.
    """
    config = instance_config(settings, clone_config)
    if any(config.get(kind) != _in_home(settings, *named) for kind, named in SQLITE.items()):
        return []
    return [settings.dagster_home / file for file in DATABASES]


def _in_home(settings: Settings, module: str, name: str, folder: str) -> dict[str, Any]:
    return {
        "module": module,
        "class": name,
        "config": {"base_dir": str(settings.dagster_home / folder)},
    }


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """The home's instance. Its dagster.yaml is first made to match the clone's."""
    file = settings.dagster_home / "dagster.yaml"
    text = GENERATED + yaml.safe_dump(instance_config(settings), sort_keys=False)
    new = not file.exists()
    if new or file.read_text() != text:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(f".{os.getpid()}")
        draft.write_text(text)
        draft.replace(file)
    instance = dg.DagsterInstance.from_config(str(settings.dagster_home))
    if new:
        open_log(instance)
    return instance


def open_log(instance: dg.DagsterInstance) -> None:
    """Writes the first line of a new event log.

    An empty log has no position: an automation condition that read it could not tell later what
    was updated since.
    """
    note = "This home was created; no data is read yet."
    instance.report_runless_asset_event(dg.AssetObservation(["raw", "customers"], description=note))


def read_state(instance: dg.DagsterInstance, name: str) -> dict[str, Any] | None:
    """State that outlives runs, such as which source files were read. None: never written."""
    key = STATE_PREFIX + name
    text = instance.daemon_cursor_storage.get_cursor_values({key}).get(key)
    return json.loads(text) if text else None


def write_state(instance: dg.DagsterInstance, name: str, value: dict[str, Any]) -> None:
    instance.daemon_cursor_storage.set_cursor_values(
        {STATE_PREFIX + name: json.dumps(value, sort_keys=True)}
    )
