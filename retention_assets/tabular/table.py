"""A flat labeled table, read as text: identifier, time, label, other columns. Trains nothing."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retention_assets.errors import TableError
from retention_assets.tabular.cells import null_words, shown_decimals
from retention_assets.tabular.dates import DateFormat, read_days
from retention_assets.tabular.labels import Labels, labeled_rows, learn_labels, listed
from retention_assets.tabular.reading import Column, Dialect, TextTable, read_text_table

UNDATED = np.datetime64("1970-01-01", "D")
# Excel shows numbers of more than eleven digits so, and saves what it shows.
SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?E\+\d+", re.IGNORECASE)
NO_OPTIONS = Dialect()


@dataclass(frozen=True)
class Roles:
    """Which columns are no features. `positive`: the label's value that counts as yes; None: the
    value that means yes by itself.
    """

    label: str
    identifier: str
    time: str | None = None
    positive: str | None = None


@dataclass(frozen=True)
class FlatTable:
    """n rows in the file's order. `y` is None where the file has no label column.

    Rows whose label is blank or a null word are left out, and counted in `unlabeled`;
    `null_labels` of them are null words.
    """

    name: str
    identifiers: NDArray[np.str_]
    as_of: NDArray[np.datetime64]
    columns: dict[str, Column]
    y: NDArray[np.int8] | None
    positive: str | None
    unlabeled: int = 0
    null_labels: int = 0
    dialect: Dialect = field(default_factory=lambda: Dialect(decimal="."))
    labels: Labels | None = None
    days: DateFormat | None = None

    def __len__(self) -> int:
        return len(self.identifiers)


def read_flat_table(
    path: Path, roles: Roles, *, first: FlatTable | None = None, options: Dialect = NO_OPTIONS
) -> FlatTable:
    """Reads a CSV, JSON lines or Parquet file. `options`: what the user states of its dialect.

    `first`: the table that is trained on, if this is one to score. Labels and days are then read
    as there, and the file may lack both. Raises TableError that names column, value and fix.
    """
    text = read_text_table(path, [roles.identifier, roles.label], options)
    if first and roles.time not in text.columns:
        roles = replace(roles, time=None)
    has_label = not first or (
        roles.label in text.columns and labeled_rows(text.columns[roles.label]).any()
    )
    required = (roles.identifier, roles.time, roles.label if has_label else None)
    _require_columns(path.name, text, [name for name in required if name])
    columns = text.columns
    label = columns[roles.label] if has_label else None
    if label is not None and not len(label):
        raise TableError(f"{path.name} has a header but no rows.", "Give labeled rows.")
    labels = first.labels if first else None
    if label is not None and labels is None and labeled_rows(label).any():
        labels = learn_labels(path.name, roles.label, label, roles.positive)
    rows = len(columns[roles.identifier])
    labeled = np.full(rows, True) if label is None else labeled_rows(label)
    kept = {name: column[labeled] for name, column in columns.items()}
    _refuse_blank(path.name, kept, roles)
    as_of, days = _days(path.name, kept, roles, first)
    features = {
        name: kept[name] for name in kept if name not in (roles.label, roles.identifier, roles.time)
    }
    return FlatTable(
        name=path.name,
        identifiers=_identifiers(path.name, kept[roles.identifier], roles),
        as_of=as_of,
        columns=features,
        y=labels.read(path.name, kept[roles.label]) if has_label and labels else None,
        positive=labels.positive if has_label and labels else None,
        unlabeled=int((~labeled).sum()),
        null_labels=0 if label is None else int(null_words(label).sum()),
        dialect=replace(
            text.dialect,
            decimal=_decimal(text.dialect, features, options),
            time=f"{roles.time} as {days.title}" if days else "",
        ),
        labels=labels,
        days=days,
    )


def _require_columns(table: str, text: TextTable, names: Iterable[str]) -> None:
    for name in names:
        if name not in text.columns:
            fix = f"Name one of {listed(text.columns)}."
            if len(text.columns) == 1:
                fix = "Name the character between its columns: --delimiter."
            raise TableError(f"{table} has no column {name} (read as {text.dialect}).", fix)
        if text.repeated[name]:
            raise TableError(
                f"{table} has {text.repeated[name]} columns {name}.", "Rename all but one."
            )


def _refuse_blank(table: str, columns: dict[str, Column], roles: Roles) -> None:
    if not len(columns[roles.identifier]):
        raise TableError(f"{table} has no row with a label in {roles.label}.", "Give labeled rows.")
    for name in (roles.identifier, roles.time):
        if name and (~labeled_rows(columns[name])).any():
            row = int(np.flatnonzero(~labeled_rows(columns[name]))[0])
            word = f" ({columns[name][row]})" if columns[name][row] else ""
            raise TableError(
                f"{table}, labeled row {row + 1}: {name} is blank{word}.",
                "Fill it, or leave the row out.",
            )


def _identifiers(table: str, column: Column, roles: Roles) -> NDArray[np.str_]:
    """Raises TableError where Excel has rounded them."""
    identifiers = column.astype(str)
    if damaged := [text for text in column if SCIENTIFIC.fullmatch(text)]:
        raise TableError(
            f"{table}: {counted_identifiers(identifiers)}; {len(damaged):,} in "
            f"{roles.identifier} are rounded numbers such as {damaged[0]}, so that different "
            "rows share one.",
            "Export the file again with the identifiers as text (Excel rounds them when it saves).",
        )
    return identifiers


def counted_identifiers(identifiers: NDArray[np.str_]) -> str:
    different = len(np.unique(identifiers))
    return f"{len(identifiers):,} rows with {different:,} identifier{'s'[: different != 1]}"


def _days(
    table: str, columns: dict[str, Column], roles: Roles, first: FlatTable | None
) -> tuple[NDArray[np.datetime64], DateFormat | None]:
    if roles.time is None:
        return np.full(len(columns[roles.identifier]), UNDATED), None
    return read_days(table, roles.time, columns[roles.time], first.days if first else None)


def _decimal(dialect: Dialect, columns: dict[str, Column], options: Dialect) -> str | None:
    """What is stated, or what the columns show; a semicolon file that shows none has either."""
    if options.decimal:
        return options.decimal
    shown = shown_decimals(columns.values())
    if len(shown) == 1:
        return next(iter(shown))
    return None if shown or dialect.delimiter == ";" else "."
