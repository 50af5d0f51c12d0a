"""`retention run`, `predict`, `leaderboard`: the graph from source to live prediction, and what it came to.

Typer's side only: the runs are in graph_run.py, what is shown of them in progress.py.
"""

import fcntl
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any

import typer

from retention_assets.errors import RegistryError, ServingError, SetupError
from retention_assets.settings import Settings

LEADERBOARD, SCORES = ("training", "churn_leaderboard"), "decisions/churn_scores"
INTERVALS = ("auc", "average_precision", "brier", "ece", "profit")
Json = Annotated[bool, typer.Option("--json", help="For a machine to read.")]


def register(app: typer.Typer) -> None:
    for command in (run, predict, leaderboard):
        app.command()(command)


def run(
    source: Annotated[
        str | None, typer.Option(help="A built-in source, or the path of a profile.")
    ] = None,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Read nothing from this day on.")
    ] = None,
    select: Annotated[
        str | None, typer.Option(help="Make these assets again, in Dagster's selection syntax.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run the graph on a source, deploy the champion, and ask it for one prediction."""
    from retention_assets.cli.progress import noise_into, own_console

    overrides: dict[str, Any] = {"source": source, "as_of": as_of and as_of.date()}
    settings = Settings(**{name: value for name, value in overrides.items() if value is not None})
    console, began = own_console(stream=2 if as_json else 1), time.monotonic()
    with _alone(settings), noise_into(settings.logs / "run.log"):
        told = _run(settings, select, console)
    told["seconds"] = round(time.monotonic() - began, 1)
    if as_json:
        typer.echo(json.dumps(told, indent=2))
    else:
        _show_end(settings, told, console)


def predict(
    customers: Annotated[
        list[str] | None, typer.Argument(metavar="[CUSTOMER_ID]...", help="None: the riskiest.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Ask the live deployment how likely customers are to leave, why, and what to do."""
    from rich.console import Console

    settings = Settings()
    answers = [_deployer(settings).predict(customer) for customer in customers or _anyone(settings)]
    if as_json:
        typer.echo(json.dumps(answers, indent=2))
    else:
        for answer in answers:
            _show_prediction(answer, Console(highlight=False, soft_wrap=True))


def leaderboard(as_json: Json = False) -> None:
    """Show every candidate and baseline on the untouched last period, at natural prevalence."""
    rows = read_leaderboard(Settings())
    typer.echo(json.dumps(rows, indent=2)) if as_json else show_leaderboard(
        rows, "Untouched last period"
    )


def read_leaderboard(settings: Settings) -> list[dict[str, Any]]:
    """The rows of training/churn_leaderboard as Dagster has recorded them."""
    import dagster as dg

    from retention_assets.automation.backlog import metadata_of
    from retention_assets.services.instance import open_instance

    with open_instance(settings) as instance:
        said = metadata_of(instance, dg.AssetKey(LEADERBOARD))
    if "leaderboard" not in said:
        raise RegistryError("There is no leaderboard yet.", "Run the graph first: `retention run`.")
    return said["leaderboard"]


def _run(settings: Settings, select: str | None, console: Any) -> dict[str, Any]:
    """All of it, step by step. Returns what a machine wants to know of it."""
    from retention_assets.automation import backlog
    from retention_assets.automation.reconciliation import GraphRun
    from retention_assets.cli.progress import Progress
    from retention_assets.definitions import build_definitions
    from retention_assets.platform import Platform
    from retention_assets.services import catalog as services
    from retention_assets.services.instance import open_instance

    # Held before the services start: the clock must not begin on a source that this run is about to read.
    with open_instance(settings) as instance, backlog.held(instance):
        services.up(settings, report=console.print)
        _await_clock(instance, console)
        _prepare_source(settings, console)
        graph = GraphRun(
            build_definitions(settings), Platform.of(settings), instance, Progress(console)
        )
        if select:
            graph.make_selected(select)
            return {"selected": select}
        worked = graph.bring_up_to_date()
        if not worked:
            console.print(
                "Nothing has changed since the last run: source, settings and graph are the same."
            )
        champion = _champion(settings)
        if champion and not _serves(settings, champion):
            graph.deploy_again()
        watermark = backlog.metadata_of(instance, backlog.WATERMARK)["watermark"]
    prediction = _deployer(settings).predict(_anyone(settings)[0]) if champion else None
    return {
        "worked": worked,
        "watermark": watermark,
        "champion": champion,
        "prediction": prediction,
    }


def _await_clock(instance: Any, console: Any) -> None:
    """Lets a run that the clock launched finish: both would write the same tables."""
    import dagster as dg

    from retention_assets.automation.backlog import IN_FLIGHT

    if going := instance.get_runs(dg.RunsFilter(statuses=IN_FLIGHT)):
        console.print(
            f"Waiting for what the clock has begun: {', '.join(run.job_name for run in going)}"
        )
    while instance.get_runs_count(dg.RunsFilter(statuses=IN_FLIGHT)):
        time.sleep(1)


def _prepare_source(settings: Settings, console: Any) -> None:
    from retention_assets.simulation.source_folder import make_simulated_source
    from retention_assets.sources.load_profile import load_profile

    if not load_profile(settings).is_simulated:
        return
    began = time.monotonic()
    with console.status("simulating") as status:

        def show(day: int, days: int) -> None:
            status.update(f"simulating day {day} of {days}")

        made = make_simulated_source(settings, show)
    if made:
        what = f"{settings.simulated_customers:,} customers, {settings.simulated_days} days, seed {settings.simulated_seed}"
        console.print(f"[bold]Simulated source[/]  {what}  {time.monotonic() - began:.1f} s")


def _champion(settings: Settings) -> dict[str, str] | None:
    from retention_assets.resources.registry import Registry

    found = Registry.of(settings).champion("churn")
    return (
        {"version": found.version, "digest": found.digest, "candidate": found.candidate}
        if found
        else None
    )


def _serves(settings: Settings, champion: dict[str, str]) -> bool:
    """Whether this very model answers, and finds its features."""
    ready = _deployer(settings).ready()
    return (
        bool(ready) and ready["model_digest"] == champion["digest"] and ready["store"] == "online"
    )


def _deployer(settings: Settings) -> Any:
    from retention_assets.resources.deployer import Deployer

    return Deployer.of(settings)


def _anyone(settings: Settings) -> list[str]:
    """The customer at the highest risk of those who are still there; before anybody is scored, anyone published."""
    from deltalake import DeltaTable
    from deltalake.exceptions import TableNotFoundError

    from retention_assets.decisions.scores import GONE
    from retention_assets.resources.online import OnlineStore

    some = OnlineStore.of(settings).some(1)
    if not some:
        raise ServingError(
            "No customer's features are published.", "Run the graph first: `retention run`."
        )
    try:
        table = DeltaTable(f"{settings.lake_root}/{SCORES}")
    except TableNotFoundError:
        return some
    rows = table.to_pyarrow_table(
        columns=["customer_id", "churn_probability", "segment"]
    ).to_pylist()
    there = [row for row in rows if row["segment"] != GONE]
    return (
        [max(there, key=lambda row: (row["churn_probability"], row["customer_id"]))["customer_id"]]
        if there
        else some
    )


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """One `retention run` at a time in a home."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with (settings.home / "run.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SetupError(
                f"Another `retention run` is at work in {settings.home}.", "Wait for it, or end it."
            ) from error
        yield


def _show_end(settings: Settings, told: dict[str, Any], console: Any) -> None:
    if champion := told.get("champion"):
        console.print(
            f"\nChampion: version {champion['version']}, {champion['candidate']}, data up to {told['watermark']}"
        )
        _show_prediction(told["prediction"], console)
        url, customer = _deployer(settings).url, told["prediction"]["customer_id"]
        key = "$RETENTION_API_KEYS" if settings.api_keys else f"$(cat {settings.home / 'api_key'})"
        console.print(f"""  curl -s {url}/predict -H "Authorization: Bearer {key}" \\""")
        console.print(
            f"""    -H 'Content-Type: application/json' -d '{{"customer_id": "{customer}"}}'"""
        )
    elif "champion" in told:
        console.print(
            "\nNo champion: no candidate was better than doing nothing; `retention leaderboard` shows the figures."
        )
    console.print(f"\nGraph   http://{settings.host}:{settings.webserver_port}/asset-groups")
    console.print(f"Models  http://{settings.host}:{settings.mlflow_port}")
    console.print(f"Log     {settings.logs / 'run.log'}\n{told['seconds']:.0f} s")


def _show_prediction(answer: dict[str, Any], console: Any) -> None:
    risk = f"{answer['churn_probability']:.1%} likely to leave, risk {answer['risk_level']}"
    console.print(
        f"Customer {answer['customer_id']}: [bold]{risk}[/], as of {answer['features_as_of']}"
    )
    for reason in answer["reasons"]:
        value = "unknown" if reason["value"] is None else f"{reason['value']:.3g}"
        console.print(
            f"  {reason['feature']} = {value} {'raises' if reason['effect'] > 0 else 'lowers'} the risk"
        )
    for action in answer["recommended_actions"]:
        console.print(f"  do: {action}")


def show_leaderboard(rows: list[dict[str, Any]], of_what: str) -> None:
    """Every scorer's figures on the same untouched rows."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None)
    for title in ("candidate", *(name.replace("_", " ") for name in INTERVALS)):
        table.add_column(title, no_wrap=True)
    for row in rows:
        table.add_row(row["candidate"], *(_interval(row, name) for name in INTERVALS))
    console = Console(highlight=False, width=140)
    console.print(
        f"{of_what}, base rate {rows[0]['base_rate']:.1%}; [95 % interval by customer]",
        markup=False,
    )
    console.print(table)


def _interval(row: dict[str, Any], name: str) -> str:
    if row.get(name) is None:
        return "-"
    digits = 0 if name == "profit" else 3
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    return f"{row[name]:.{digits}f}" + (
        f" \\[{low:.{digits}f}, {high:.{digits}f}]" if low is not None else ""
    )
