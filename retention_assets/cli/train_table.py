"""`retention train-table`: trains on any flat labeled table. Needs no service and no Java.

Options in, progress and result out. Reading, training and the report are in tabular/.
"""

import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from retention_assets.errors import TableError
from retention_assets.settings import Settings

if TYPE_CHECKING:
    from retention_assets.modeling.label_window import LabelWindow
    from retention_assets.modeling.task import Task
    from retention_assets.tabular.table import FlatTable, Roles
    from retention_assets.tabular.training import TableResult


def register(app: typer.Typer) -> None:
    app.command()(train_table)


def train_table(
    file: Annotated[Path, typer.Argument(help="CSV with a header, JSON lines or Parquet.")],
    label: Annotated[str, typer.Option(help="Column of the label.")],
    identifier: Annotated[
        str, typer.Option("--id", help="Column that identifies the row's entity.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="Folder for report.html, report.json, scores.csv and model/.", file_okay=False
        ),
    ],
    time: Annotated[
        str | None, typer.Option(help="Column of the as-of day; folds then go forward in time.")
    ] = None,
    gap: Annotated[
        int | None,
        typer.Option(min=0, help="Days after a row's day until its horizon begins. Default: 0."),
    ] = None,
    horizon: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Days that decide a row's label. Rows whose label reaches into the untouched rows "
            "are not trained on.",
        ),
    ] = None,
    positive: Annotated[
        str | None, typer.Option(help="Value of the label that counts as positive.")
    ] = None,
    test: Annotated[
        Path | None,
        typer.Option(help="A second file, scored once. If it has labels, it is the test."),
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option(help="Character between columns, or tab. Default: detected.")
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Encoding of the files. Default: detected.")
    ] = None,
    decimal: Annotated[
        Literal[".", ","] | None,
        typer.Option(help="Decimal mark. Default: what the columns show."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Train and compare all candidates on a flat labeled table, and score the untouched rows."""
    from retention_assets.tabular.reading import Dialect
    from retention_assets.tabular.table import Roles, read_flat_table
    from retention_assets.tabular.task import table_task

    roles = Roles(label.strip(), identifier.strip(), time.strip() if time else None, positive)
    options = Dialect(delimiter=delimiter, encoding=encoding, decimal=decimal)
    task = table_task(Settings(), file.name, _window(time, gap, horizon))
    table = read_flat_table(file, roles, options=options)
    second = read_flat_table(test, roles, first=table, options=options) if test else None
    report = _train(table, second, roles, task, _folder(out))
    if as_json:
        typer.echo(json.dumps(report, indent=2))
    else:
        _show(report, out)


def _window(time: str | None, gap: int | None, horizon: int | None) -> "LabelWindow | None":
    from retention_assets.modeling.label_window import LabelWindow

    if gap is None and horizon is None:
        return None
    if time is None or horizon is None:
        raise typer.BadParameter(
            "--gap needs --horizon, and both need --time: the column of the day that they follow."
        )
    return LabelWindow(gap or 0, horizon)


def _folder(out: Path) -> Path:
    out = out.expanduser().resolve()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TableError(
            f"{out} cannot be created: {error}.", "Name a folder that you may write to."
        ) from error
    return out


def _train(
    table: "FlatTable", second: "FlatTable | None", roles: "Roles", task: "Task", out: Path
) -> dict[str, Any]:
    from rich.console import Console

    from retention_assets.cli.progress import open_console, redirect_output
    from retention_assets.tabular.report import page_of, report_of
    from retention_assets.tabular.training import train_on_table

    console: Console = open_console(stream=2)

    def show_candidate(candidate: str, rows: int, seconds: float) -> None:
        console.print(f"  {candidate:30} {rows:12,} rows {seconds:7.1f} s")

    with tempfile.TemporaryDirectory(dir=out, prefix=".draft-") as draft:
        folder = Path(draft) / "model"
        with redirect_output(Path(draft) / "train.log"):
            result = train_on_table(table, second, task, folder, show_candidate)
            report = report_of(table, second, roles, result)
            page = page_of(report, result)
        shutil.rmtree(out / "model", ignore_errors=True)
        folder.replace(out / "model")
    _write_scores(out / "scores.csv", result)
    (out / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    (out / "report.html").write_text(page)
    return report


def _write_scores(path: Path, result: "TableResult") -> None:
    """`id,probability`, in the order of the file that was scored."""
    import pandas as pd

    identifiers, probabilities = result.scored
    pd.DataFrame({"id": identifiers, "probability": probabilities}).to_csv(path, index=False)


def _show(report: dict[str, Any], out: Path) -> None:
    from retention_assets.cli.leaderboard import show_leaderboard
    from retention_assets.tabular.report import notes_of

    title = f"{report['rows']['untouched']:,} untouched rows"
    show_leaderboard(report["leaderboard"], title, report["profit_assumes_that"])
    decision = "promoted" if report["promoted"] else "not promoted"
    typer.echo(f"\nBest candidate on the folds: {report['chosen']}, {decision}. {report['reason']}")
    typer.echo(report["model"]["sentence"])
    for note in notes_of(report):
        typer.echo(note)
    for column, reason in report["suspect_columns"].items():
        typer.echo(f"Column to check: {column} {reason}")
    for column, reason in report["refused_columns"].items():
        typer.echo(f"Column not used: {column} {reason}")
    typer.echo(f"{report['rows']['scored']:,} rows scored. Report: {out / 'report.html'}")
