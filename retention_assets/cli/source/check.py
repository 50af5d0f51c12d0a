"""`retention source check`: options in, result out. Sampling and checking are in validation/, the
look of the result in report.py.
"""

import json
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retention_assets.errors import ProfileError
from retention_assets.settings import Settings

if TYPE_CHECKING:
    from retention_assets.sources.profile import Profile
    from retention_assets.validation.source_check import SourceCheck


def register(app: typer.Typer) -> None:
    app.command()(check)


def check(
    profile: Annotated[
        str, typer.Argument(help="The path of a profile, or a built-in source.", show_default=False)
    ],
    files: Annotated[
        int, typer.Option(min=1, help="Files to read of each table, spread over its days.")
    ] = 5,
    rows: Annotated[int, typer.Option(min=1, help="Rows to read of each file.")] = 10_000,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Read a sample of each table and show what a run would take in. Nothing is stored."""
    from retention_assets.cli.source.report import show_check
    from retention_assets.features.availability import missing_features
    from retention_assets.features.declarations import FEATURES
    from retention_assets.sources.load_profile import read_profile

    settings = Settings(source=profile)
    source = read_profile(settings)
    if source.is_simulated and not source.root.exists():
        raise ProfileError(
            "The files of the simulated source do not exist yet.",
            "Run `retention run` first, or check another profile.",
        )
    result = _check(source, settings, files=files, rows=rows)
    missing = missing_features(FEATURES, source.tables)
    if as_json:
        typer.echo(json.dumps(_document(result, missing), indent=2, default=str))
    else:
        show_check(result, missing, features=len(FEATURES))
    raise typer.Exit(int(not result.is_acceptable))


def _check(profile: "Profile", settings: Settings, *, files: int, rows: int) -> "SourceCheck":
    """Runs the check with a Spark whose own files lie in a folder that is removed afterwards."""
    from retention_assets.cli.progress import open_console, redirect_output

    console = open_console(stream=2)
    with (
        tempfile.TemporaryDirectory(prefix="retention-") as folder,
        console.status("Starting Spark, then reading a sample of each table"),
        redirect_output(Path(folder) / "check.log"),
    ):
        from retention_assets.resources.lake import Lake
        from retention_assets.validation.source_check import CheckOptions, check_source

        options = CheckOptions(
            files=files,
            rows_per_file=rows,
            max_share=profile.allowed_quarantined_share(settings.max_quarantined_share),
            last_day=profile.end or datetime.now(UTC).date(),
        )
        spark = Lake.of(Settings(home=Path(folder))).spark
        return check_source(spark, profile, options)


def _document(result: "SourceCheck", missing: dict[str, str]) -> dict[str, Any]:
    """The document that `source check --json` prints."""
    outcome = {"acceptable": result.is_acceptable}
    return outcome | asdict(result) | {"missing_features": missing}
