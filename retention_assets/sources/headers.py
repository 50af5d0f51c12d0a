"""The columns of a source file, from its header or footer alone. No Spark, no rows."""

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from retention_assets.errors import UnreadableFileError
from retention_assets.sources.profile import FileOptions
from retention_assets.sources.text_files import check_name, open_text

TYPES = (
    "string", "tinyint", "smallint", "int", "bigint", "float", "double", "decimal(p,s)", "boolean",
    "date", "timestamp", "timestamp_ntz", "binary",
)  # fmt: skip
_OTHER_NAMES = {
    "integer": "int",
    "long": "bigint",
    "short": "smallint",
    "byte": "tinyint",
    "bool": "boolean",
    "text": "string",
}
_ARROW = {
    "large_string": "string", "string_view": "string", "bool": "boolean", "date32[day]": "date",
    "int8": "tinyint", "uint8": "smallint", "int16": "smallint", "uint16": "int", "int32": "int",
    "uint32": "bigint", "int64": "bigint", "uint64": "decimal(20,0)", "halffloat": "float",
    "large_binary": "binary",
}  # fmt: skip
# Types of Parquet that Spark has no name for: nanoseconds, and a column without any value.
NANOSECONDS = {"timestamp_ns": "timestamp", "timestamp_ntz_ns": "timestamp_ntz"}
NO_VALUES = "null"
_MOMENTS = {"timestamp", "timestamp_ntz", "date", *NANOSECONDS}
_NUMBERS = {"tinyint", "smallint", "int", "bigint", "float", "double"}
_SEPARATORS = (",", ";", "\t", "|")
_LONGEST_FIELD = 1 << 27
Header = tuple[tuple[str, str], ...]


def normal_type(kind: str) -> str:
    """One name for each Spark type."""
    plain = kind.strip().lower().replace(" ", "")
    return _OTHER_NAMES.get(plain, plain)


def is_number(kind: str) -> bool:
    return kind in _NUMBERS or kind.startswith("decimal(")


def header_of(path: Path, file_format: str, options: FileOptions | None = None) -> Header:
    """Columns with their Spark types, in the file's order. Empty if the file has no header (JSON,
    an empty CSV). Cells of a CSV's header are trimmed; they may be blank or repeated.
    """
    options = options or FileOptions()
    if file_format == "csv":
        with open_text(path, options.encoding) as file:
            cells = _first_record(file, options.delimiter, options.quote)
        return tuple((cell, "string") for cell in cells)
    if file_format == "json":
        check_name(path)
        has_records_on_lines(path)
        return ()
    if file_format == "parquet":
        return _parquet_header(path)
    if file_format == "delta":
        return _delta_header(path)
    return ()


def readable_as(actual: str, declared: str, file_format: str) -> bool:
    """Whether a column of type `actual` converts to the declared type, value by value: a number
    that would lose digits is unreadable in its row. Text formats are cast value by value too.
    """
    target = normal_type(declared)
    if file_format in {"csv", "json"} or actual in {target, NO_VALUES}:
        return True
    if is_number(actual):
        return is_number(target) or target == "string"
    return actual in _MOMENTS and target in {"timestamp", "timestamp_ntz"}


def separator_of(path: Path, options: FileOptions, columns: Iterable[str]) -> str | None:
    """The separator, other than the declared one, by which the file has all these columns."""
    lower_names = {column.lower() for column in columns}
    for separator in _SEPARATORS:
        if separator != options.delimiter:
            with open_text(path, options.encoding) as file:
                cells = _first_record(file, separator, options.quote)
            if lower_names <= {cell.lower() for cell in cells}:
                return separator
    return None


def has_records_on_lines(path: Path) -> bool:
    """Whether a JSON file has one record per line; if not, it is one array of records.

    Raises UnreadableFileError for other layouts, of which Spark would read only a part.
    """
    with open_text(path, "utf-8") as file:
        lines = (line.strip() for line in file)
        lines = (line for line in lines if line)
        first = next(lines, "")
        second = next(lines, "")
    is_cut = first == "{" or (first.startswith("[") and second != "" and _is_json(first))
    if is_cut:
        raise UnreadableFileError(
            f"{path} has neither one JSON record per line nor one array of records.",
            "Write each record on one line, or all of them in one array.",
        )
    return not first.startswith("[")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _first_record(file: IO[str], delimiter: str, quote: str) -> list[str]:
    csv.field_size_limit(_LONGEST_FIELD)
    if len(delimiter) > 1:  # the csv module knows separators of one character only
        return [cell.strip(f"{quote} \t\r\n") for cell in file.readline().split(delimiter)]
    try:
        for cells in csv.reader(file, delimiter=delimiter, quotechar=quote, skipinitialspace=True):
            if any(cell.strip() for cell in cells):
                return [cell.strip() for cell in cells]
    except csv.Error as error:
        raise UnreadableFileError(
            f"{file.name} is not CSV: {error}.", "Replace the file, or correct the table's options."
        ) from error
    return []


def _parquet_header(path: Path) -> Header:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            physical = {
                column.path: column.physical_type
                for column in map(file.schema.column, range(len(file.schema)))
            }
    except pa.ArrowInvalid as error:
        raise UnreadableFileError(
            f"{path} is not a Parquet file: {str(error).rstrip('.')}.",
            "Replace or remove the file.",
        ) from error
    kinds = [(field.name, _spark_type(field.type)) for field in schema]
    # Spark reads INT96 as a timestamp, although Arrow takes it for nanoseconds without a zone.
    return tuple(
        (name, "timestamp" if physical.get(name) == "INT96" else kind) for name, kind in kinds
    )


def _delta_header(path: Path) -> Header:
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        fields = DeltaTable(str(path)).schema().fields
    except DeltaError as error:
        raise UnreadableFileError(
            f"{path} is not a Delta table: {error}.", "Correct the table's path in the profile."
        ) from error
    return tuple(
        (field.name, normal_type(str(getattr(field.type, "type", field.type)))) for field in fields
    )


def _spark_type(arrow_type: object) -> str:
    text = str(arrow_type)
    if text.startswith("dictionary<values="):
        text = text.removeprefix("dictionary<values=").split(",")[0]
    if text.startswith("timestamp"):
        unit = "_ns" if text.startswith("timestamp[ns") else ""
        return ("timestamp" if "tz=" in text else "timestamp_ntz") + unit
    if text.startswith("decimal128"):
        return "decimal" + text.removeprefix("decimal128").replace(" ", "")
    return _ARROW.get(text, text)
