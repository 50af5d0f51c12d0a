"""`retention source forget`: the rows of files that are gone are removed at the next reading."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from retention_assets.settings import Settings


def register(app: typer.Typer) -> None:
    app.command()(forget)


def forget(
    files: Annotated[
        list[str],
        typer.Argument(help="Files as raw/source_files names them.", show_default=False),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Remove the rows of source files that are no longer there, and of what was made of them."""
    from retention_assets.automation.forgetting import forget_files
    from retention_assets.platform import Platform

    forgotten = forget_files(Platform.of(Settings()), files)
    if as_json:
        typer.echo(json.dumps([asdict(entry) for entry in forgotten], indent=2, default=str))
        return
    for entry in forgotten:
        typer.echo(f"{entry.table}: {entry.path}")
    typer.echo(
        "Their rows are removed when the source is next read: run `retention run`, or wait for"
        " the services of this home."
    )
