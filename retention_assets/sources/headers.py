"""The columns of a source file, from its header or footer alone. No Spark, no rows."""

import csv
from pathlib import Path

from retention_assets.errors import ProfileError

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
    "uint32": "bigint", "int64": "bigint", "halffloat": "float", "large_binary": "binary",
}  # fmt: skip
# Declared type -> types that convert to it without loss.
_WIDER = {
    "smallint": {"tinyint"},
    "int": {"tinyint", "smallint"},
    "bigint": {"tinyint", "smallint", "int"},
    "double": {"float", "tinyint", "smallint", "int"},
    "timestamp": {"timestamp_ntz"},
    "timestamp_ntz": {"timestamp"},
}
Header = tuple[tuple[str, str], ...]


def normal_type(kind: str) -> str:
    """One name for each Spark type."""
    plain = kind.strip().lower().replace(" ", "")
    return _OTHER_NAMES.get(plain, plain)


def header_of(path: Path, file_format: str) -> Header:
    """Columns with their Spark types, in the file's order. Empty if the file has no header (JSON,
    an empty CSV).
    """
    if file_format == "csv":
        # The buffer reaches beyond the header: a later byte that is not UTF-8 must not fail.
        with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
            return tuple((column, "string") for column in next(csv.reader(file), []))
    if file_format == "parquet":
        return _parquet_header(path)
    if file_format == "delta":
        return _delta_header(path)
    return ()


def readable_as(actual: str, declared: str, file_format: str) -> bool:
    """Whether a column of type `actual` converts to the declared type. Text formats are cast value
    by value, so always.
    """
    target = normal_type(declared)
    return file_format in {"csv", "json"} or actual == target or actual in _WIDER.get(target, set())


def _parquet_header(path: Path) -> Header:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
    except pa.ArrowInvalid as error:
        raise ProfileError(
            f"{path} is not a Parquet file: {error}.", "Replace or remove the file."
        ) from error
    return tuple((field.name, _spark_type(field.type)) for field in schema)


def _delta_header(path: Path) -> Header:
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        fields = DeltaTable(str(path)).schema().fields
    except DeltaError as error:
        raise ProfileError(
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
        return "timestamp" if "tz=" in text else "timestamp_ntz"
    if text.startswith("decimal128"):
        return "decimal" + text.removeprefix("decimal128").replace(" ", "")
    return _ARROW.get(text, text)
