"""`retention rollback`: options in, result out. The work is in automation/rollback.py."""

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retention_assets.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console


def register(app: typer.Typer) -> None:
    app.command()(rollback)


def rollback(
    reason: Annotated[
        str, typer.Option(help="Why; kept in the registry.")
    ] = "no reason was stated",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make the previous champion the champion again, and deploy it.

    Repeated rollbacks go further back. A model that was rolled back from is not served again, and
    its recipe waits for the next test period.
    """
    from retention_assets.cli.progress import RunDisplay, open_console, redirect_output

    settings = Settings()
    console = open_console(stream=2 if as_json else 1)
    began = time.monotonic()
    with redirect_output(settings.logs / "run.log"):
        # Imported here: the libraries behind these modules print while they load.
        from retention_assets.automation.rollback import FOLLOWERS, roll_back
        from retention_assets.definitions import build_definitions
        from retention_assets.platform import Platform
        from retention_assets.resources.deployer import Deployer

        platform = Platform.of(settings)
        result = roll_back(
            build_definitions(platform),
            platform,
            reason=reason.strip().rstrip("."),
            at=datetime.now(UTC),
            progress=RunDisplay(console),
        )
    document = {
        "version": result.champion.version,
        "candidate": result.champion.candidate,
        "digest": result.champion.digest,
        "rolled_back": result.replaced.version,
        "reason": result.reason,
        "url": Deployer.of(settings).url,
        "seconds": round(time.monotonic() - began, 1),
    }
    if as_json:
        typer.echo(json.dumps(document, indent=2))
    else:
        show_rollback(document, FOLLOWERS, console, is_automatic=settings.clock_enabled)


def show_rollback(
    document: dict[str, Any], followers: tuple[str, ...], console: "Console", *, is_automatic: bool
) -> None:
    """Prints who is champion now, and what follows from it."""
    console.print(
        f"Champion: version {document['version']}, {document['candidate']}, in place of version"
        f" {document['rolled_back']}. It answers at {document['url']}.",
        markup=False,
    )
    names = ", ".join(followers)
    if is_automatic:
        console.print(f"Automation makes anew what depends on it: {names}.", markup=False)
    else:
        selection = " or ".join(f"key:{name}" for name in followers)
        console.print(
            "Automation is off. Make anew what depends on it:"
            f" `retention run --select '{selection}'`.",
            markup=False,
        )
    console.print(f"Done in {document['seconds']:.0f} s")
