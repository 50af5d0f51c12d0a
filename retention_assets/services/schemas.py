"""Brings the databases of Dagster and MLflow to the schema of the installed versions.

Only databases that lie in the home. A database that a setting names may have other users, who
decide themselves when it is upgraded.
"""

import re
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from retention_assets.errors import SetupError
from retention_assets.services.instance import home_databases
from retention_assets.settings import Settings

_REVISION = re.compile(r"""^revision\b[^=\n]*=\s*["'](\w+)""", re.MULTILINE)
_ERROR = re.compile(r"^[\w.]+: .+$", re.MULTILINE)
_EARLIER = re.compile(r"^down_revision\b[^=\n]*=(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class ManagedSchema:
    """The databases of one package in a home, and the command that upgrades all of them.

    `migrations`: the folder of alembic's revisions in the installed package.
    """

    package: str
    databases: list[Path]
    migrations: Path
    command: list[str]


def managed_schemas(settings: Settings) -> list[ManagedSchema]:
    """The schemas that this home owns, whether or not their databases exist yet."""
    schemas = [
        ManagedSchema(
            "dagster",
            home_databases(settings),
            _folder("dagster") / "_core/storage/alembic/versions",
            [_program("dagster"), "instance", "migrate"],
        )
    ]
    if settings.mlflow_uri is None:
        uri = settings.tracking_uri
        schemas.append(
            ManagedSchema(
                "mlflow",
                [Path(uri.removeprefix("sqlite:///"))],
                _folder("mlflow") / "store/db_migrations/versions",
                [_program("mlflow"), "db", "upgrade", uri],
            )
        )
    return schemas


def upgrade_schemas(settings: Settings, environment: Mapping[str, str]) -> None:
    """Upgrades every database of the home that is not at its newest revision.

    `environment` is the one of the upgrading command. No other process may use the databases.
    Raises SetupError where an upgrade fails; then the databases are as before. Dagster's databases
    of single runs may stay upgraded, which only adds to them.
    """
    for schema in managed_schemas(settings):
        newest = newest_revisions(schema.migrations)
        databases = [file for file in schema.databases if file.exists()]
        if any(stored_revisions(file) != newest for file in databases):
            log = settings.logs / f"{schema.package}_upgrade.log"
            _upgrade(schema, databases, log=log, environment=environment)


def newest_revisions(migrations: Path) -> set[str]:
    """The revisions that no other one follows, in a folder of alembic's migrations.

    They are read as text: importing the migrations takes seconds.
    """
    texts = [file.read_text() for file in migrations.glob("*.py")]
    revisions = {revision for text in texts for revision in _REVISION.findall(text)}
    earlier = {
        revision
        for text in texts
        for line in _EARLIER.findall(text)
        for revision in re.findall(r"\w+", line)
    }
    return revisions - earlier


def stored_revisions(database: Path) -> set[str]:
    """The revisions that a SQLite database is at; empty where alembic has not written any."""
    with closing(sqlite3.connect(database)) as connection:
        tables = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'")
        if tables.fetchone() is None:
            return set()
        return {row[0] for row in connection.execute("SELECT version_num FROM alembic_version")}


def _upgrade(
    schema: ManagedSchema, databases: list[Path], *, log: Path, environment: Mapping[str, str]
) -> None:
    copies = {file: file.with_suffix(".before-upgrade") for file in databases}
    for file, copy in copies.items():
        _copy(file, copy)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as output:
        result = subprocess.run(
            schema.command, env=environment, stdout=output, stderr=subprocess.STDOUT, check=False
        )
    if result.returncode:
        for file, copy in copies.items():
            _copy(copy, file)
    for copy in copies.values():
        copy.unlink()
    if result.returncode:
        errors = _ERROR.findall(log.read_text(errors="replace"))
        raise SetupError(
            f"The database of {schema.package} in {databases[0].parent} could not be upgraded and"
            f" is as before: {' '.join(errors[-1:])}",
            f"See {log}. If a newer {schema.package} made this home, install that version.",
        )


def _copy(source: Path, target: Path) -> None:
    """Copies a database with what lies in its write-ahead log."""
    with closing(sqlite3.connect(source)) as reader, closing(sqlite3.connect(target)) as writer:
        reader.backup(writer)


def _folder(package: str) -> Path:
    """Where a package is installed; the package is not imported."""
    spec = find_spec(package)
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent


def _program(name: str) -> str:
    """Path of a program installed beside this Python."""
    return str(Path(sys.executable).with_name(name))
