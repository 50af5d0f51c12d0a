"""Cells of a CSV, JSON lines or Parquet file as trimmed text, and what was assumed to read them.

What the cells mean (numbers, labels, days) is not decided here.
"""

import io
import json
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention_assets.errors import TableError
from retention_assets.tabular.contents import PARQUET, FileText, decode, unpack
from retention_assets.tabular.delimited import delimiter_title, split_records, trim

Column = NDArray[np.object_]  # of text, None where the cell is blank


@dataclass(frozen=True)
class Dialect:
    """How a file is read. An empty or None field: it does not apply, or nothing shows it."""

    kind: str = "CSV"
    delimiter: str | None = None
    encoding: str | None = None
    packing: str = ""
    decimal: str | None = None
    time: str = ""

    def __str__(self) -> str:
        parts = [
            self.packing,
            self.kind if self.kind != "CSV" else "",
            f"delimiter {delimiter_title(self.delimiter)}" if self.delimiter else "",
            f"encoding {self.encoding}" if self.encoding else "",
            {",": "decimal comma", ".": "decimal point"}.get(self.decimal or "", ""),
            self.time,
        ]
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True)
class TextTable:
    """Columns in the file's order. `repeated`: names that the header has more than once."""

    columns: dict[str, Column]
    dialect: Dialect
    repeated: Counter[str] = field(default_factory=Counter)


def read_text_table(path: Path, expected: Collection[str], options: Dialect) -> TextTable:
    """Reads every cell. `expected`: columns that the header should have; `options`: what the user
    states of the dialect. Raises TableError that names file, line and fix.
    """
    try:
        if path.is_dir():
            return _parquet(path)
        data, packing = unpack(path.name, path.read_bytes())
    except FileNotFoundError as error:
        raise TableError(
            f"There is no file {path}.", "Name a CSV file with a header, JSON lines or Parquet."
        ) from error
    except OSError as error:
        raise TableError(
            f"{path} cannot be read: {error.strerror or error}.", "Name a file that you may read."
        ) from error
    if data.startswith(PARQUET):
        return _parquet(path, data)
    content = replace(decode(path.name, data, options.encoding), packing=packing)
    if not content.text.strip():
        raise TableError(f"{path.name} is empty.", "Give a CSV file with a header and rows.")
    if content.text.lstrip().startswith("{") or _is_json_array(content.text):
        return _json(path.name, content)
    delimiter, header, rows = split_records(path.name, content.text, expected, options.delimiter)
    cells = zip(*rows, strict=True) if rows else [()] * len(header)
    return _table(header, cells, Dialect("CSV", delimiter, content.encoding, content.packing))


def known(column: Column) -> NDArray[np.bool_]:
    return np.array([cell is not None for cell in column], dtype=bool)


def text_counts(column: Column) -> Counter[str]:
    """Rows of each text."""
    return Counter(column[known(column)].tolist())


def _table(names: list[str], cells: Iterable[Iterable[str | None]], dialect: Dialect) -> TextTable:
    """A name that occurs again gets its number; a column without name gets its position."""
    titles = [trim(name) or f"unnamed column {at}" for at, name in enumerate(names, start=1)]
    counts = Counter(titles)
    used: Counter[str] = Counter()
    columns: dict[str, Column] = {}
    for title, texts in zip(titles, cells, strict=True):
        used[title] += 1
        columns[title if used[title] == 1 else f"{title} ({used[title]})"] = _column(texts)
    repeated = Counter({name: count for name, count in counts.items() if count > 1})
    return TextTable(columns, dialect, repeated)


def _column(cells: Iterable[str | None]) -> Column:
    texts = [None if cell is None else trim(cell) or None for cell in cells]
    column = np.empty(len(texts), dtype=object)
    column[:] = texts
    return column


def _is_json_array(text: str) -> bool:
    start = text.lstrip()
    return start.startswith("[") and start[1:].lstrip().startswith("{")


def _json(name: str, content: FileText) -> TextTable:
    """JSON lines, or one array of objects. Numbers stay as the file writes them."""
    decoder = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)
    array = _is_json_array(content.text)
    rows: dict[int, Any] = {}
    for line, text in enumerate([content.text] if array else content.text.split("\n"), start=1):
        if text.strip():
            try:
                rows[line] = decoder.decode(text.strip())
            except json.JSONDecodeError as error:
                raise _no_json(name, error.lineno if array else line, error.msg) from error
    if array:
        rows = dict(enumerate(rows[1], start=1))
    for line, row in rows.items():
        if not isinstance(row, dict):
            raise _no_json(name, line, "it is no object")
    names = list(dict.fromkeys(key for row in rows.values() for key in row))
    cells = ([_json_text(row.get(key)) for row in rows.values()] for key in names)
    return _table(names, cells, Dialect("JSON lines", None, content.encoding, content.packing))


def _no_json(name: str, line: int, reason: str) -> TableError:
    return TableError(
        f"{name}, line {line} is not JSON: {reason}.",
        "Write one JSON object per line, or give a CSV file with a header.",
    )


def _json_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _parquet(path: Path, data: bytes | None = None) -> TextTable:
    try:
        frame: Any = pd.read_parquet(io.BytesIO(data) if data else path)
    except (ValueError, OSError) as error:
        why = str(error).splitlines()[0].rstrip(".")
        raise TableError(
            f"{path.name} cannot be read: {why}.",
            "Give a CSV file with a header, or a Parquet file.",
        ) from error
    names = [str(name) for name in frame.columns]
    cells = [_parquet_texts(frame.iloc[:, at]) for at in range(len(names))]
    return _table(names, cells, Dialect("Parquet"))


def _parquet_texts(column: Any) -> list[str | None]:
    """Whole numbers that pandas had to store as floats, because of blanks, get no `.0`."""
    blank = column.isna().to_numpy()
    if pd.api.types.is_float_dtype(column.dtype):
        values = column.to_numpy(dtype=float, na_value=np.nan)
        if (values[~blank] == np.floor(values[~blank])).all():
            return [
                None if unknown else f"{value:.0f}"
                for value, unknown in zip(values, blank, strict=True)
            ]
    return [
        None if unknown else _parquet_text(value)
        for value, unknown in zip(column, blank, strict=True)
    ]


def _parquet_text(value: Any) -> str:
    """Some writers store texts as bytes."""
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)
