"""`retention simulate`: a simulated subscription retailer in a folder, with its source profile.

Options in, progress and result out. The simulation is in simulation/.
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
        typer.Option(help="New, empty, or the folder of an earlier simulation.", file_okay=False),
    ],
    customers: Annotated[
        int, typer.Option(min=10, help="Customers within the first 365 days.")
    ] = 5000,
    days: Annotated[int, typer.Option(min=1)] = 400,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds give equal files.")] = 7,
    dirty: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of rows that are corrupted.")
    ] = 0.0,
    shift_on: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="From this day on, customers leave for other reasons."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Simulate a subscription retailer: one Parquet file per table and day of arrival.

    A folder that has the first days of the same simulation gets the missing days; the tables of
    another simulation are replaced.
    """
    folder = out.expanduser().resolve()
    began = time.monotonic()
    shift_day = _simulated_day(shift_on and shift_on.date(), days)
    simulation = Simulation(customers, days, seed, dirty=dirty, shift_on=shift_day)
    is_new = _make(folder, simulation)
    _write_profile(folder, days)
    result = {
        "out": str(folder),
        "profile": str(folder / PROFILE),
        **simulation.note,
        "wrote": is_new,
        "rows": count_rows(folder),
        "seconds": round(time.monotonic() - began, 1),
    }
    if as_json:
        typer.echo(json.dumps(result, indent=2))
    else:
        _show(result)


def count_rows(folder: Path) -> dict[str, int]:
    """Rows in the folder by canonical table, read from the footers of its files."""
    import pyarrow.parquet as pq

    from retention_assets.simulation.arrow_tables import SCHEMAS

    return {
        name: sum(pq.read_metadata(file).num_rows for file in (folder / name).glob("*.parquet"))
        for name in SCHEMAS
    }


def _simulated_day(shift_on: date | None, days: int) -> date | None:
    """The day, if it is simulated; else typer's error for a wrong option."""
    from retention_assets.simulation.simulator import FIRST_DATE

    last = FIRST_DATE + timedelta(days=days - 1)
    if shift_on and not FIRST_DATE <= shift_on <= last:
        raise typer.BadParameter(
            f"{shift_on} is not simulated: the days are {FIRST_DATE} to {last}.",
            param_hint="--shift-on",
        )
    return shift_on


def _make(folder: Path, simulation: Simulation) -> bool:
    """Makes the simulation with a progress bar on stderr; stdout has only the result."""
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
        task = bar.add_task("", total=simulation.days)
        return make_simulation(
            folder, simulation, lambda day, days: bar.update(task, completed=day, total=days)
        )


def _write_profile(folder: Path, days: int) -> None:
    """Writes the profile of the embedded source, with this folder's name, path and last day."""
    import yaml

    from retention_assets.simulation.simulator import FIRST_DATE
    from retention_assets.sources.load_profile import BUILT_IN
    from retention_assets.sources.profile import SIMULATED

    profile: dict[str, Any] = yaml.safe_load((BUILT_IN / f"{SIMULATED}.yaml").read_text())
    profile |= {
        "name": f"simulated_{folder.name}",
        "data_dir": str(folder),
        "end": FIRST_DATE + timedelta(days=days - 1),
    }
    (folder / PROFILE).write_text(yaml.safe_dump(profile, sort_keys=False))


def _show(result: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("table", box=None)
    table.add_column("rows", justify="right")
    for name, rows in result["rows"].items():
        table.add_row(name, f"{rows:,}")
    table.add_row("[bold]total", f"[bold]{sum(result['rows'].values()):,}")
    console = Console(highlight=False, soft_wrap=True)
    console.print(table)
    size = f"{result['customers']:,} customers, {result['days']:,} days"
    how = f"written in {result['seconds']:.1f} s" if result["wrote"] else "unchanged"
    console.print(f"\n{size} in {result['out']}: {how}")
    console.print(f"Run the graph on it: retention run --source {result['profile']}")
