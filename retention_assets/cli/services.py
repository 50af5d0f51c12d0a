"""`retention up`, `down`, `setup`: the services of this home."""

import time

import typer

from retention_assets.settings import Settings


def register(app: typer.Typer) -> None:
    app.command()(up)
    app.command()(down)
    app.command(hidden=True)(setup)


def up() -> None:
    """Start the services: Redis, Ray, MLflow, Dagster's webserver and daemon. Safe to repeat."""
    from retention_assets.platform import Platform
    from retention_assets.services import catalog as services
    from retention_assets.services.api_keys import api_keys

    settings = Platform.of(Settings()).settings
    began = time.monotonic()
    api_keys(settings)
    services.up(settings, report=typer.echo)
    typer.echo(f"Services started in {time.monotonic() - began:.0f} s; logs in {settings.logs}")


def down() -> None:
    """Stop exactly what `retention up` started for this home."""
    from retention_assets.services import catalog as services

    settings = Settings()
    began = time.monotonic()
    services.down(settings)
    typer.echo(f"Services of {settings.home} stopped in {time.monotonic() - began:.0f} s")


def setup() -> None:
    """Make what is not a Python package: Delta's jars and Java's archive. `make setup` calls it."""
    from retention_assets.resources.lake import spark_config
    from retention_assets.services.jars import fetch_jars, jars_folder, missing_jars
    from retention_assets.services.java import spark_java_home
    from retention_assets.services.java_archive import write_archive

    settings = Settings()
    folder = jars_folder()
    java = spark_java_home(folder / "java", settings.java_home)
    if missing_jars(folder):
        typer.echo("Downloading Delta's jars ...")
        fetch_jars(folder, java)
    typer.echo("Archiving Java's classes, so that Spark starts faster (about 1 minute) ...")
    if not write_archive(folder, java, spark_config(settings)):
        typer.echo("This Java writes no archive. Spark works without it.")
