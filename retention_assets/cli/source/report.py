"""How the result of `retention source check` looks on the screen. Computes nothing."""

from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from retention_assets.validation.column_check import ColumnCheck
    from retention_assets.validation.source_check import (
        CheckError,
        SourceCheck,
        TableCheck,
        TableFiles,
    )
    from retention_assets.validation.table_check import RowCounts

WIDTH = 140
LABEL_WIDTH = 12
TEXT_WIDTH = 110
FILES_SHOWN = 5
# Widest cells of the table of columns; `--json` has the whole values.
EXPRESSION_WIDTH = 40
FOUND_WIDTH = 26
EXAMPLE_WIDTH = 24


def show_check(result: "SourceCheck", missing: Mapping[str, str], *, features: int) -> None:
    """Prints one paragraph per table, the missing features, and whether a run could take it in."""
    console = Console(highlight=False, width=WIDTH, soft_wrap=True, markup=False)
    console.print(f"Profile {result.profile}, data in {result.root}, from {result.start}")
    for table in result.tables:
        _show_table(console, result, table)
    console.print()
    for label, text in (*_feature_lines(missing, features), *_error_lines(result.errors)):
        _show_line(console, label, text)
    console.print(conclusion(result))


def conclusion(result: "SourceCheck") -> str:
    """The last line: whether a run could take the source in."""
    failed = [table.name for table in result.tables if table.errors]
    places = [*(["the profile"] if result.errors else []), *failed]
    if places:
        return (
            f"{result.profile} cannot be taken in: see the errors of {' and '.join(places)}. "
            "Fix: Correct them as their lines say, and check again."
        )
    valid = sum(table.sample.rows.valid for table in result.tables if table.sample)
    return f"{result.profile} can be taken in: {valid:,} rows of the sample are valid."


def _show_table(console: Console, result: "SourceCheck", table: "TableCheck") -> None:
    console.print()
    console.print(Text(table.name, style="bold") + Text(f"  {table.path} ({table.format})"))
    if table.files:
        for label, text in _file_lines(table.files):
            _show_line(console, label, text)
    if table.sample:
        for label, text in _row_lines(table.sample.rows, result.max_share):
            _show_line(console, label, text)
        console.print(_column_table(table.sample.columns))
    for label, text in (*_column_lines(table), *_error_lines(table.errors)):
        _show_line(console, label, text)


def _show_line(console: Console, label: str, text: str) -> None:
    console.print(f"  {label:{LABEL_WIDTH}} {text}")


def _file_lines(files: "TableFiles") -> Iterator[tuple[str, str]]:
    dated = files.count - files.undated
    kinds = [
        f"{_count(dated, 'file')}, {files.first_day} to {files.last_day} by name" if dated else "",
        f"{_count(files.undated, 'file')} without a day in the name" if files.undated else "",
        f"{files.ignored:,} more outside the profile's days are left out" if files.ignored else "",
    ]
    yield "Files", "; ".join(kind for kind in kinds if kind)
    names = ", ".join(files.sampled[:FILES_SHOWN])
    more = len(files.sampled) - FILES_SHOWN
    rest = f" and {more:,} more" if more > 0 else ""
    extent = f"{len(files.sampled):,} of {files.count:,}, up to {files.rows_per_file:,} rows each"
    yield from _wrapped("Sample", [f"{extent}: {names}{rest}"])


def _row_lines(rows: "RowCounts", max_share: float) -> Iterator[tuple[str, str]]:
    read = sum(rows.read.values())
    allowed = rows.allowed_share(max_share)
    is_reduced = rows.selected < read
    repeats = f", {rows.repeats:,} repeated" if rows.repeats else ""
    left = f", {rows.selected:,} kept by `where` and `derive`" if is_reduced else ""
    yield (
        "Rows",
        f"{read:,} read{left}: {rows.valid:,} valid, {rows.quarantined:,} to quarantine{repeats} "
        f"({rows.quarantined_share:.1%}; allowed {allowed:.1%})",
    )
    is_open = 0 < rows.quarantined_share - allowed <= rows.share_margin
    if is_open:
        yield (
            "Note",
            "More than allowed, but the sampled files differ so much that all files together may "
            "have fewer. Read more of them with --files.",
        )
    if rows.first_day:
        yield "Days", f"{rows.first_day} to {rows.last_day} (event_ts of the valid rows, UTC)"
    for place, reason in enumerate(rows.reasons):
        yield "" if place else "Quarantine", f"{_count(reason.rows, 'row')}: {reason.reason}"
        yield "", f"  {reason.source_file}: {shorten(reason.raw_text or '', TEXT_WIDTH)}"


def _column_table(columns: tuple["ColumnCheck", ...]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("  column", "type", "expression", "source columns", "blank", "example"):
        table.add_column(heading, no_wrap=True, justify="right" if heading == "blank" else "left")
    for column in columns:
        table.add_row(
            *map(
                Text,
                (
                    f"  {column.name}",
                    column.type,
                    shorten(column.expression, EXPRESSION_WIDTH),
                    shorten(_sources(column), FOUND_WIDTH),
                    "-" if column.blank_share is None else f"{column.blank_share:.1%}",
                    shorten(column.example or "-", EXAMPLE_WIDTH),
                ),
            )
        )
    return table


def _sources(column: "ColumnCheck") -> str:
    """Each source column that the expression names, with the types that the files have for it."""
    parts = [
        f"{name} {'/'.join(kinds) or 'is in no file'}"
        for name, kinds in column.source_types.items()
    ]
    return ", ".join(parts) or "-"


def _column_lines(table: "TableCheck") -> Iterator[tuple[str, str]]:
    names = [
        "ingested_ts (event_ts counts)" if name == "ingested_ts" else name
        for name in table.unfilled_columns
    ]
    if names:
        yield "Not filled", ", ".join(names)
    if table.sample and table.sample.unused_columns:
        yield "Not used", f"{', '.join(table.sample.unused_columns)} (columns of the files)"


def _feature_lines(missing: Mapping[str, str], features: int) -> Iterator[tuple[str, str]]:
    by_reason: dict[str, list[str]] = {}
    for name, reason in missing.items():
        by_reason.setdefault(reason, []).append(name)
    yield "Features", f"{features - len(missing)} of {features} can be computed"
    yield from _wrapped(
        "Left out", [f"{', '.join(names)} ({reason})" for reason, names in by_reason.items()]
    )


def _error_lines(errors: tuple["CheckError", ...]) -> Iterator[tuple[str, str]]:
    for error in errors:
        yield "Error", f"{' '.join(error.problem.split())} Fix: {error.fix}"


def _wrapped(label: str, texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Long texts in several lines, of which the first has the label."""
    lines = [line for text in texts for line in wrap(text, TEXT_WIDTH, subsequent_indent="  ")]
    yield from (("" if place else label, line) for place, line in enumerate(lines))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def shorten(text: str, width: int) -> str:
    """The text in one line of at most `width` characters."""
    line = " ".join(text.split())
    return line if len(line) <= width else f"{line[: width - 1]}…"
