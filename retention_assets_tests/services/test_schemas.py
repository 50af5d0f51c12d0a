"""Databases of older versions of Dagster and MLflow are upgraded, those of others are not."""

from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import pytest
import yaml
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.sql import get_alembic_config

from retention_assets.errors import SetupError
from retention_assets.services.catalog import service_environment
from retention_assets.services.instance import home_databases, open_instance
from retention_assets.services.schemas import (
    managed_schemas,
    newest_revisions,
    stored_revisions,
    upgrade_schemas,
)
from retention_assets.settings import Settings
from retention_assets_tests.services.old_schemas import (
    EXPERIMENT,
    OLD_DAGSTER,
    OLD_MLFLOW,
    make_old_dagster,
    make_old_mlflow,
)


def upgrade(settings: Settings) -> list[str]:
    """Upgrades the home's databases. Returns the packages of which any was upgraded."""
    upgrade_schemas(settings, service_environment(settings))
    return sorted(file.name.split("_")[0] for file in settings.logs.glob("*_upgrade.log"))


def test_newest_revisions_are_those_of_alembic(tmp_path: Path) -> None:
    from alembic.script import ScriptDirectory
    from mlflow.store.db.utils import _get_latest_schema_revision

    dagster, mlflow = managed_schemas(Settings(home=tmp_path))
    config = get_alembic_config(sqlite_run_storage.__file__)
    heads = ScriptDirectory.from_config(config).get_heads()
    assert newest_revisions(dagster.migrations) == set(heads)
    assert newest_revisions(mlflow.migrations) == {_get_latest_schema_revision()}


def test_two_branches_and_their_merge_are_understood(tmp_path: Path) -> None:
    texts = {
        "__init__.py": "",
        "a.py": 'revision = "a1"\ndown_revision = None\n',
        "b.py": "revision: str = 'b1'\ndown_revision: str | None = 'a1'\n",
        "c.py": 'revision = "c1"\ndown_revision = "a1"  # a branch\n',
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    assert newest_revisions(tmp_path) == {"b1", "c1"}
    (tmp_path / "d.py").write_text('revision = "d1"\ndown_revision = ("b1", "c1")\n')
    assert newest_revisions(tmp_path) == {"d1"}


def test_old_dagster_home_is_upgraded(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    run_id = make_old_dagster(settings)
    databases = [*home_databases(settings), settings.dagster_home / f"history/runs/{run_id}.db"]
    assert [stored_revisions(file) for file in databases] == [{OLD_DAGSTER}] * 4
    assert upgrade(settings) == ["dagster"]
    newest = newest_revisions(managed_schemas(settings)[0].migrations)
    assert [stored_revisions(file) for file in databases] == [newest] * 4
    with open_instance(settings) as instance:
        assert [run.run_id for run in instance.get_runs()] == [run_id]
        messages = [entry.message for entry in instance.all_logs(run_id)]
        assert messages == ["Written by an older version."]
        assert instance.event_log_storage.get_concurrency_info("spark").slot_count == 0
    assert not list(tmp_path.rglob("*.before-upgrade"))


def test_old_mlflow_database_is_upgraded(tmp_path: Path) -> None:
    import mlflow

    settings = Settings(home=tmp_path)
    database = make_old_mlflow(settings)
    assert stored_revisions(database) == {OLD_MLFLOW}
    assert upgrade(settings) == ["mlflow"]
    client = mlflow.MlflowClient(settings.tracking_uri)
    assert client.get_experiment("7").name == EXPERIMENT
    assert not list(tmp_path.rglob("*.before-upgrade"))


def test_current_and_new_homes_need_no_command(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert upgrade(settings) == []
    open_instance(settings).dispose()
    assert upgrade(settings) == []


def test_upgrade_that_fails_half_way_is_undone(tmp_path: Path) -> None:
    """MLflow's migrations are not one transaction: the first ones are already committed."""
    settings = Settings(home=tmp_path)
    database = make_old_mlflow(settings)
    with closing(connect(database)) as connection, connection:
        connection.execute("CREATE TABLE webhooks (id INTEGER)")
    with pytest.raises(SetupError, match=r"as before: .*webhooks already.* Fix: See ") as error:
        upgrade(settings)
    assert "\n" not in str(error.value)
    assert "Traceback" in (settings.logs / "mlflow_upgrade.log").read_text()
    assert stored_revisions(database) == {OLD_MLFLOW}
    with closing(connect(database)) as connection:
        assert list(connection.execute("SELECT name FROM experiments")) == [(EXPERIMENT,)]
    assert not list(tmp_path.rglob("*.before-upgrade"))


def test_mlflow_elsewhere_is_left_alone(tmp_path: Path) -> None:
    database = make_old_mlflow(Settings(home=tmp_path / "another"))
    settings = Settings(home=tmp_path / "home", mlflow_uri=f"sqlite:///{database}")
    assert upgrade(settings) == []
    assert stored_revisions(database) == {OLD_MLFLOW}


@pytest.mark.parametrize("kind", ["storage", "run_storage"])
def test_dagster_storage_elsewhere_is_left_alone(tmp_path: Path, kind: str) -> None:
    """Also where databases lie in the home from before."""
    settings = Settings(home=tmp_path)
    make_old_dagster(settings)
    clone = tmp_path / "clone.yaml"
    postgres = {"module": "dagster_postgres", "class": "Storage", "config": {}}
    clone.write_text(yaml.safe_dump({kind: postgres}))
    assert home_databases(settings, clone) == []
