"""`retention run`: options in, progress and result out. The run is in automation/graph_run.py."""

import json
import time
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retention_assets.settings import Settings
from retention_assets.sources.home_source import with_home_source

if TYPE_CHECKING:
    from rich.console import Console

    from retention_assets.automation.graph_run import GraphRunResult


def register(app: typer.Typer) -> None:
    app.command()(run)


def run(
    source: Annotated[
        str | None, typer.Option(help="A built-in source, or the path of a profile.")
    ] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Compute from what was known before this day."),
    ] = None,
    select: Annotated[
        str | None,
        typer.Option(help="Materialize these assets again, in Dagster's selection syntax."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run the graph on a source, deploy the champion, and ask it for one prediction."""
    from retention_assets.cli.predict import default_customer
    from retention_assets.cli.progress import RunDisplay, open_console, redirect_output
    from retention_assets.resources.deployer import Deployer

    overrides: dict[str, Any] = {"source": source, "as_of": as_of and as_of.date()}
    values = {name: value for name, value in overrides.items() if value is not None}
    settings = with_home_source(Settings(**values))
    console = open_console(stream=2 if as_json else 1)
    began = time.monotonic()
    with redirect_output(settings.logs / "run.log"):
        # Imported here: the libraries behind these modules print while they load.
        from retention_assets.automation.graph_run import run_graph
        from retention_assets.definitions import build_definitions
        from retention_assets.platform import Platform

        platform = Platform.of(settings)
        result = run_graph(
            build_definitions(platform),
            platform,
            select=select,
            reporter=RunDisplay(console),
        )
        prediction = (
            Deployer.of(settings).predict(default_customer(settings)) if result.champion else None
        )
    seconds = round(time.monotonic() - began, 1)
    if as_json:
        typer.echo(
            json.dumps(_document(result, prediction, select) | {"seconds": seconds}, indent=2)
        )
    else:
        show_result(settings, result, prediction=prediction, console=console)
        console.print(f"Log     {settings.logs / 'run.log'}\nDone in {seconds:.0f} s")


def _document(
    result: "GraphRunResult", prediction: dict[str, Any] | None, select: str | None
) -> dict[str, Any]:
    """The document that `run --json` prints."""
    if select:
        return {"selected": select}
    fields = ("version", "digest", "candidate")
    champion = asdict(result.champion) if result.champion else None
    return {
        "changed": result.changed,
        "watermark": result.watermark,
        "champion": champion and {name: champion[name] for name in fields},
        "prediction": prediction,
    }


def show_result(
    settings: Settings,
    result: "GraphRunResult",
    *,
    prediction: dict[str, Any] | None,
    console: "Console",
) -> None:
    """Prints what a run ended with: the champion and its prediction, or why there is none."""
    from retention_assets.cli.predict import show_prediction

    if not result.changed:
        console.print(
            "Nothing has changed since the last run: source, settings and graph are the same."
        )
    if result.champion and prediction:
        console.print(
            f"\nChampion: version {result.champion.version}, {result.champion.candidate},"
            f" trained on data up to {result.watermark}"
        )
        show_prediction(prediction, console)
        _show_request(settings, prediction["customer_id"], console)
    elif result.watermark:
        reason = result.reason or "No model has been trained yet."
        console.print(f"\nNo champion. {reason}", markup=False)
        console.print("`retention leaderboard` shows the figures.")
    console.print(f"\nGraph   http://{settings.host}:{settings.webserver_port}/asset-groups")
    console.print(f"Models  {settings.mlflow_pages}")


def _show_request(settings: Settings, customer_id: str, console: "Console") -> None:
    """The same question as a command to copy; the key itself is not shown."""
    from retention_assets.resources.deployer import Deployer

    key = "$RETENTION_API_KEYS" if settings.api_keys else f"$(cat {settings.home / 'api_key'})"
    url = f"{Deployer.of(settings).url}/predict"
    console.print(f'  curl -s {url} -H "Authorization: Bearer {key}" \\', markup=False)
    console.print(
        f"""    -H 'Content-Type: application/json' -d '{{"customer_id": "{customer_id}"}}'""",
        markup=False,
    )
