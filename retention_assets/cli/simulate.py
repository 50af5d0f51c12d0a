"""`retention simulate`: a subscription retailer of any size in any folder, with a profile that the graph can run on.

Typer's side only: the world is in ingestion/simulator.py, what becomes of a folder in source.py.
"""

import json
import time
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from retention_assets.simulation.source_folder import Simulation, make_simulation

PROFILE = "profile.yaml"


def register(app: typer.Typer) -> None:
    app.command()(simulate)


def simulate(
    out: Annotated[
        Path,
        typer.Option(
            help="Folder that is new, empty, or an earlier simulation's.", file_okay=False
        ),
    ],
    customers: Annotated[int, typer.Option(min=10, help="Known within the first 365 days.")] = 5000,
    days: Annotated[int, typer.Option(min=1)] = 400,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same bytes.")] = 7,
    dirty: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of rows broken on purpose.")
    ] = 0.0,
    shift_on: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="From this day on other things make customers leave."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a machine to read.")] = False,
) -> None:
    """Simulate a subscription retailer: one Parquet file a table and day of arrival.

    A folder that holds the first days of the same world gets those that it lacks; another world in it is replaced.
    """
    folder, began = out.expanduser().resolve(), time.monotonic()
    wanted = Simulation(
        customers, days, seed, dirty=dirty, shift_on=_day_within(shift_on and shift_on.date(), days)
    )
    wrote = _make(folder, wanted)
    _write_profile(folder, days)
    told = {
        "out": str(folder),
        "profile": str(folder / PROFILE),
        **wanted.note,
        "wrote": wrote,
        "rows": rows_of(folder),
        "seconds": round(time.monotonic() - began, 1),
    }
    typer.echo(json.dumps(told, indent=2)) if as_json else _show(told)


def rows_of(folder: Path) -> dict[str, int]:
    """Rows that the folder's files hold by canonical table, told from their footers."""
    import pyarrow.parquet as pq

    from retention_assets.sources.contracts import TABLES

    return {
        name: sum(pq.read_metadata(file).num_rows for file in (folder / name).glob("*.parquet"))
        for name in TABLES
    }


def _day_within(shift_on: date | None, days: int) -> date | None:
    from retention_assets.simulation.simulator import FIRST_DATE

    last = FIRST_DATE + timedelta(days=days - 1)
    if shift_on and not FIRST_DATE <= shift_on <= last:
        raise typer.BadParameter(
            f"{shift_on} is not simulated: the days are {FIRST_DATE} to {last}.",
            param_hint="--shift-on",
        )
    return shift_on


def _make(folder: Path, wanted: Simulation) -> bool:
    """Shows the days as they pass, on stderr, so that stdout holds the outcome alone."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("simulating day"),
        MofNCompleteColumn(),
        BarColumn(),
        TimeRemainingColumn(),
    )
    screen = Console(stderr=True)
    with Bar(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task("", total=wanted.days)
        return make_simulation(
            folder, wanted, lambda day, days: bar.update(task, completed=day, total=days)
        )


def _write_profile(folder: Path, days: int) -> None:
    """The embedded source's own profile, for this folder: its name, its folder, and its last day."""
    import yaml

    from retention_assets.simulation.simulator import FIRST_DATE
    from retention_assets.sources.load_profile import BUILT_IN
    from retention_assets.sources.profile import SIMULATED

    profile: dict[str, Any] = yaml.safe_load((BUILT_IN / f"{SIMULATED}.yaml").read_text())
    own = {"name": f"simulated_{folder.name}", "data_dir": str(folder)}
    profile |= own | {"end": FIRST_DATE + timedelta(days=days - 1)}
    (folder / PROFILE).write_text(yaml.safe_dump(profile, sort_keys=False))


def _show(told: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("table", box=None)
    table.add_column("rows", justify="right")
    for name, rows in told["rows"].items():
        table.add_row(name, f"{rows:,}")
    table.add_row("[bold]together", f"[bold]{sum(told['rows'].values()):,}")
    console = Console(highlight=False, soft_wrap=True)
    console.print(table)
    how = f"{told['seconds']:.1f} s" if told["wrote"] else "all there already"
    console.print(
        f"\n{told['customers']:,} customers, {told['days']:,} days in {told['out']}: {how}"
    )
    console.print(f"Run on it: retention run --source {told['profile']}")
