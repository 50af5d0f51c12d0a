"""Databases in a home as older versions of Dagster and MLflow left them."""

from contextlib import closing
from pathlib import Path
from sqlite3 import connect
from typing import Any

import dagster as dg
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.sql import get_alembic_config, run_alembic_downgrade

from retention_assets.services.instance import open_instance
from retention_assets.settings import Settings

OLD_DAGSTER = "16e3655b4d9b"  # of 2024
OLD_MLFLOW = "6953534de441"  # of MLflow 3.1
EXPERIMENT = "before the upgrade"


@dg.job
def old_job() -> None: ...


def make_old_dagster(settings: Settings) -> str:
    """Dagster's databases at an older revision, with one run in them. Returns the run's id."""
    config = get_alembic_config(sqlite_run_storage.__file__)
    with open_instance(settings) as instance:
        run = instance.create_run_for_job(old_job)
        instance.report_engine_event("Written by an older version.", run)
        events: Any = instance.event_log_storage
        storages: list[Any] = [instance.run_storage, instance.schedule_storage]
        for opened in (
            *(storage.connect() for storage in storages),
            events.run_connection(run.run_id),
            events.index_connection(),
        ):
            with opened as connection:
                run_alembic_downgrade(config, connection, OLD_DAGSTER)
    return run.run_id


def make_old_mlflow(settings: Settings) -> Path:
    """MLflow's database at an older revision, with one experiment. Returns its file."""
    import sqlalchemy
    from alembic import command
    from mlflow.store.db.utils import _get_alembic_config
    from mlflow.store.tracking.dbmodels.initial_models import Base

    file = settings.home / "registry" / "mlflow.db"
    file.parent.mkdir(parents=True, exist_ok=True)
    engine = sqlalchemy.create_engine(settings.tracking_uri)
    Base.metadata.create_all(engine)
    command.upgrade(_get_alembic_config(settings.tracking_uri), OLD_MLFLOW)
    engine.dispose()
    with closing(connect(file)) as connection, connection:
        row = [7, EXPERIMENT, "file:///artifacts", "active"]
        columns = "experiment_id, name, artifact_location, lifecycle_stage"
        connection.execute(f"INSERT INTO experiments ({columns}) VALUES (?, ?, ?, ?)", row)
    return file
