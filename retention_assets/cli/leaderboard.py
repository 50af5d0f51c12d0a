"""`retention leaderboard`: candidates and baselines on the untouched last period, as a table."""

import json
from typing import Annotated, Any

import typer

from retention_assets.errors import RegistryError
from retention_assets.keys import CHURN_LEADERBOARD
from retention_assets.settings import Settings

FIGURES = ("auc", "average_precision", "brier", "ece", "profit")


def register(app: typer.Typer) -> None:
    app.command()(leaderboard)


def leaderboard(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show every candidate and baseline on the untouched last period, at natural prevalence."""
    settings = Settings()
    rows = read_leaderboard(settings)
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
    else:
        from retention_assets.training.task import contact_utility

        show_leaderboard(rows, "Untouched last period", contact_utility(settings).assumption)


def read_leaderboard(settings: Settings) -> list[dict[str, Any]]:
    """The rows of training/churn_leaderboard, from its latest materialization."""
    from retention_assets.automation.backlog import metadata_of
    from retention_assets.services.instance import open_instance

    with open_instance(settings) as instance:
        metadata = metadata_of(instance, CHURN_LEADERBOARD)
    if "leaderboard" not in metadata:
        raise RegistryError("There is no leaderboard yet.", "Run the graph first: `retention run`.")
    return metadata["leaderboard"]


def show_leaderboard(rows: list[dict[str, Any]], title: str, assumption: str) -> None:
    """Prints the figures of every scorer, with 95 % intervals, on the same untouched rows.
    `assumption`: what profit assumes.
    """
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None)
    for heading in ("candidate", *(name.replace("_", " ") for name in FIGURES)):
        table.add_column(heading, no_wrap=True)
    for row in rows:
        table.add_row(row["candidate"], *(_figure(row, name) for name in FIGURES))
    console = Console(highlight=False, width=140)
    console.print(
        f"{title}, base rate {rows[0]['base_rate']:.1%}; [95 % interval by customer]", markup=False
    )
    console.print(table)
    console.print(f"Profit per 1,000 rows assumes that {assumption}.", markup=False)


def _figure(row: dict[str, Any], name: str) -> str:
    """A figure with its interval, such as `0.812 [0.790, 0.834]`; `-` where it does not exist."""
    if row.get(name) is None:
        return "-"
    digits = 0 if name == "profit" else 3
    text = f"{row[name]:.{digits}f}"
    low = row.get(f"{name}_low")
    high = row.get(f"{name}_high")
    return text if low is None else rf"{text} \[{low:.{digits}f}, {high:.{digits}f}]"
