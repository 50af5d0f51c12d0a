"""`retention train-table`: any flat labelled table through the same training and promotion. Needs no service and no Java.

Typer's side only: reading is in training/flat_table.py, training in flat_contest.py, what is said of it in flat_report.py.
"""

import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retention_assets.errors import TableError
from retention_assets.settings import Settings

if TYPE_CHECKING:
    from retention_assets.tabular.table import FlatTable, Roles
    from retention_assets.tabular.training import TableTrial


def register(app: typer.Typer) -> None:
    app.command()(train_table)


def train_table(
    file: Annotated[Path, typer.Argument(help="CSV with a header, or Parquet.")],
    label: Annotated[str, typer.Option(help="Column of the label.")],
    identifier: Annotated[str, typer.Option("--id", help="Column that says whose row it is.")],
    out: Annotated[
        Path,
        typer.Option(
            help="Folder for report.html, report.json, scores.csv and model/.", file_okay=False
        ),
    ],
    time: Annotated[
        str | None, typer.Option(help="Column of the day as of which a row was known.")
    ] = None,
    positive: Annotated[
        str | None, typer.Option(help="The label's value that counts as yes.")
    ] = None,
    test: Annotated[
        Path | None, typer.Option(help="A second file, scored once and never looked at before.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a machine to read.")] = False,
) -> None:
    """Train, calibrate, compare and judge all candidates on a flat labelled table, and score the untouched rows."""
    from retention_assets.tabular.table import Roles, read_flat_table

    roles = Roles(label, identifier, time, positive)
    table = read_flat_table(file, roles)
    second = (
        read_flat_table(test, Roles(label, identifier, time, table.positive), to_score=True)
        if test
        else None
    )
    said = _train(table, second, roles, _folder(out))
    typer.echo(json.dumps(said, indent=2)) if as_json else _show(said, out)


def _folder(out: Path) -> Path:
    out = out.expanduser().resolve()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TableError(f"{out} cannot be made: {error}.", "Name a folder of your own.") from error
    return out


def _train(
    table: "FlatTable", second: "FlatTable | None", roles: "Roles", out: Path
) -> dict[str, Any]:
    from rich.console import Console

    from retention_assets.cli.progress import noise_into, own_console
    from retention_assets.tabular.report import page_of, report_of
    from retention_assets.tabular.training import hold_table_trial

    console: Console = own_console(stream=2)

    def report(candidate: str, rows: int, seconds: float) -> None:
        console.print(f"  {candidate:30} {rows:12,} rows {seconds:7.1f} s")

    with tempfile.TemporaryDirectory(dir=out, prefix=".draft-") as draft:
        folder = Path(draft) / "model"
        with noise_into(Path(draft) / "train.log"):
            outcome = hold_table_trial(table, second, Settings(), folder, report)
            said = report_of(table, second, roles, outcome)
            page = page_of(said, outcome)
        shutil.rmtree(out / "model", ignore_errors=True)
        folder.replace(out / "model")
    _write_scores(out / "scores.csv", outcome)
    (out / "report.json").write_text(json.dumps(said, indent=2) + "\n")
    (out / "report.html").write_text(page)
    return said


def _write_scores(path: Path, outcome: "TableTrial") -> None:
    """`id,probability`, in the order of the file that was scored."""
    import pandas as pd

    identifiers, probabilities = outcome.scored
    pd.DataFrame({"id": identifiers, "probability": probabilities}).to_csv(path, index=False)


def _show(said: dict[str, Any], out: Path) -> None:
    from retention_assets.cli.run import show_leaderboard

    show_leaderboard(said["leaderboard"], f"{said['rows']['untouched']:,} untouched rows")
    state = "promoted" if said["promoted"] else "not promoted"
    typer.echo(f"\nChosen on the folds: {said['chosen']}, {state}. {said['reason']}")
    for column, why in said["refused_columns"].items():
        typer.echo(f"Refused: {column} {why}")
    typer.echo(f"{said['rows']['scored']:,} rows scored; see {out / 'report.html'}")
