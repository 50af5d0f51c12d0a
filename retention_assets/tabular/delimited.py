"""Records of a delimited text: the delimiter, quotes over lines, and one field count for all rows.

A line that does not fit is an error that names it; no row is cut, filled or skipped.
"""

import csv
import io
from collections.abc import Collection, Iterator
from typing import Any

from retention_assets.errors import TableError

DELIMITERS = {",": "','", ";": "';'", "\t": "tab", "|": "'|'"}
SAMPLE_RECORDS = 50
LONGEST_CELL = 10_000_000  # characters
INVISIBLE = "\ufeff\u200b"  # byte order marks of joined files, zero-width blanks of web pages


def split_records(
    name: str, text: str, expected: Collection[str], delimiter: str | None = None
) -> tuple[str, list[str], list[list[str]]]:
    """Delimiter, header and rows of a text. `expected`: columns that the header should have.

    Each row has as many fields as the header. Raises TableError that names the line.
    """
    csv.field_size_limit(LONGEST_CELL)
    stated = _stated_delimiter(delimiter)
    hint = text.split("\n", 1)[0].strip().strip('"')  # Excel's first line `sep=;`
    has_hint = hint.lower().startswith("sep=") and len(hint) == len("sep=") + 1
    if has_hint:
        stated = stated or hint[-1]
        text = text.partition("\n")[2]
    chosen = stated or _delimiter(text, expected)
    records = _records(name, text, chosen, skipped=int(has_hint))
    _, header = next(records)
    rows = [_fitted(name, line, row, header=header, delimiter=chosen) for line, row in records]
    return chosen, header, rows


def trim(text: str) -> str:
    return text.strip().strip(INVISIBLE).strip()


def delimiter_title(delimiter: str) -> str:
    return DELIMITERS.get(delimiter, repr(delimiter))


def _stated_delimiter(delimiter: str | None) -> str | None:
    if delimiter is None:
        return None
    character = {"tab": "\t", r"\t": "\t"}.get(delimiter.lower(), delimiter)
    if len(character) != 1 or character in '"\r\n':
        raise TableError(
            f"The delimiter {delimiter!r} is not one character.",
            "Give --delimiter one character, or the word tab.",
        )
    return character


def _delimiter(text: str, expected: Collection[str]) -> str:
    """The one whose header has the expected columns and whose rows have the header's fields."""

    def fit(delimiter: str) -> tuple[int, float, int]:
        records = _sample(text, delimiter)
        header = [trim(cell) for cell in records[0]]
        sizes = [len(_without_blank_end(row, len(header))) for row in records if any(row)]
        same = sum(size == len(header) for size in sizes) / len(sizes)
        return len(set(expected) & set(header)), same if len(header) > 1 else 0.0, len(header)

    return max(DELIMITERS, key=fit)


def _sample(text: str, delimiter: str) -> list[list[str]]:
    records: list[list[str]] = []
    try:
        for row in _reader(text, delimiter):
            if any(map(trim, row)):
                records.append(row)
            if len(records) == SAMPLE_RECORDS:
                break
    except csv.Error:
        pass  # quotes that do not match with this delimiter: the records before them decide
    return records or [[""]]


def _reader(text: str, delimiter: str) -> Any:
    return csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True
    )


def _records(name: str, text: str, delimiter: str, skipped: int) -> Iterator[tuple[int, list[str]]]:
    """Line and fields of each record that has text in any field."""
    reader = _reader(text, delimiter)
    while True:
        line = reader.line_num + 1 + skipped
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise TableError(
                f"{name}, line {line}: the quotes do not match ({error}).",
                'Put quotes around a text that contains quotes, and double them: "5"" disk".',
            ) from error
        if row is None:
            return
        if any(map(trim, row)):
            yield line, row


def _fitted(
    name: str, line: int, row: list[str], *, header: list[str], delimiter: str
) -> list[str]:
    """The row with the header's fields: blank ones at the end may be too many or left out."""
    if row == header:
        raise TableError(f"{name}, line {line} repeats the header.", "Remove that line.")
    row = _without_blank_end(row, len(header))
    if not any(map(trim, header[len(row) :])):
        row = row + [""] * (len(header) - len(row))
    if len(header) == 1 and len(row) > 1:
        raise TableError(
            f"{name}, line {line}: {len(row)} fields, but line 1 has one.",
            "Remove the lines before the header.",
        )
    if len(row) != len(header):
        raise TableError(
            f"{name}, line {line}: {len(row)} fields, but the header has {len(header)} "
            f"(delimiter {delimiter_title(delimiter)}).",
            "Correct the line, put quotes around values that contain the delimiter, "
            "or name another one with --delimiter.",
        )
    return row


def _without_blank_end(row: list[str], size: int) -> list[str]:
    return row[:size] if len(row) > size and not any(map(trim, row[size:])) else row
