"""A flat labeled table, read as text: identifier, time, label, other columns. Trains nothing."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention_assets.errors import TableError

YES = frozenset({"1", "1.0", "true", "yes", "y", "t"})
UNDATED = np.datetime64("1970-01-01", "D")
SHOWN = 10  # values that an error lists

Column = NDArray[np.object_]  # of text, None where the cell is blank


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

    Rows with an empty label are left out, and counted in `unlabeled`.
    """

    name: str
    identifiers: NDArray[np.str_]
    as_of: NDArray[np.datetime64]
    columns: dict[str, Column]
    y: NDArray[np.int8] | None
    positive: str | None
    unlabeled: int = 0

    def __len__(self) -> int:
        return len(self.identifiers)


def read_flat_table(path: Path, roles: Roles, to_score: bool = False) -> FlatTable:
    """Reads a CSV or Parquet file; one that is only to be scored may lack label and time.

    Raises TableError that names the column, the value and the fix.
    """
    columns = _cells(path)
    if to_score and roles.time not in columns:
        roles = replace(roles, time=None)
    has_label = roles.label in columns or not to_score
    for column in [
        roles.identifier,
        *([roles.time] if roles.time else []),
        *([roles.label] if has_label else []),
    ]:
        if column not in columns:
            raise TableError(
                f"{path.name} has no column {column}.", f"Name one of {_listed(columns)}."
            )
    labeled = (
        known(columns[roles.label]) if has_label else np.full(len(columns[roles.identifier]), True)
    )
    kept = {name: column[labeled] for name, column in columns.items()}
    _refuse_blank(path, kept, roles)
    positive = _positive(path, kept[roles.label], roles) if has_label else None
    return FlatTable(
        name=path.name,
        identifiers=kept[roles.identifier].astype(str),
        as_of=_days(path, kept, roles),
        columns={
            name: kept[name]
            for name in kept
            if name not in (roles.label, roles.identifier, roles.time)
        },
        y=(kept[roles.label] == positive).astype(np.int8) if has_label else None,
        positive=positive,
        unlabeled=int((~labeled).sum()),
    )


def known(column: Column) -> NDArray[np.bool_]:
    return np.array([cell is not None for cell in column], dtype=bool)


def _cells(path: Path) -> dict[str, Column]:
    """Every cell as trimmed text, None where nothing stands."""
    frame: Any
    try:
        if path.suffix.lower() == ".parquet":
            frame = pd.read_parquet(path)
        else:
            frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise TableError(
            f"There is no file {path}.", "Name a CSV file with a header, or a Parquet file."
        ) from error
    except (ValueError, OSError) as error:
        why = str(error).splitlines()[0]
        raise TableError(
            f"{path.name} cannot be read: {why}.",
            "Give a CSV file with a header, or a Parquet file.",
        ) from error
    return {str(name): _text(frame[name]) for name in frame.columns}


def _text(column: Any) -> Column:
    blank = column.isna()
    texts = column.astype(str).str.strip()
    return texts.astype(object).where(~blank & (texts != ""), None).to_numpy(dtype=object)


def _refuse_blank(path: Path, columns: dict[str, Column], roles: Roles) -> None:
    if not len(columns[roles.identifier]):
        raise TableError(
            f"{path.name} has no row with a label in {roles.label}.", "Give labeled rows."
        )
    for column in (roles.identifier, roles.time):
        if column and not known(columns[column]).all():
            row = int(np.flatnonzero(~known(columns[column]))[0])
            raise TableError(
                f"{path.name}, labeled row {row + 1}: {column} is blank.",
                "Fill it, or leave the row out.",
            )


def _positive(path: Path, label: Column, roles: Roles) -> str:
    """The value that counts as yes, as the column writes it."""
    values = sorted(set(label))
    if roles.positive is not None:
        if roles.positive in values:
            return roles.positive
        raise TableError(
            f"{path.name}: no label in {roles.label} is {roles.positive}.",
            f"Name one of {_listed(values)}.",
        )
    yes = [value for value in values if value.lower() in YES]
    if len(values) > 2 or len(yes) != 1:
        raise TableError(
            f"{path.name}: the labels in {roles.label} are {_listed(values)}.",
            "Say which counts as yes: --positive VALUE.",
        )
    return yes[0]


def _days(path: Path, columns: dict[str, Column], roles: Roles) -> NDArray[np.datetime64]:
    if roles.time is None:
        return np.full(len(columns[roles.identifier]), UNDATED)
    written = columns[roles.time]
    moments: Any = pd.to_datetime(pd.Series(written), errors="coerce", utc=True, format="ISO8601")
    if moments.isna().any():
        value = written[int(np.flatnonzero(moments.isna())[0])]
        raise TableError(
            f"{path.name}: {roles.time} {value} is no date.",
            "Write dates like 2024-03-04, or leave --time out.",
        )
    return moments.dt.tz_localize(None).to_numpy().astype("datetime64[D]")


def _listed(values: Iterable[str]) -> str:
    return ", ".join(list(values)[:SHOWN])
