"""Builds Arrow tables that match the canonical contracts: columns and types, not their meaning."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retention_assets.sources.contracts import TABLES

ARROW_TYPES = {
    "string": pa.string(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "double": pa.float64(),
    "int": pa.int32(),
    "boolean": pa.bool_(),
}
# The simulated tables. Customers who leave are in churn_events; no outcomes are given.
SCHEMAS = {
    name: pa.schema([(column.name, ARROW_TYPES[column.type]) for column in table.columns])
    for name, table in TABLES.items()
    if name != "churn_labels"
}


def identifiers(prefix: str, numbers: np.ndarray, width: int) -> pa.Array:
    """Identifiers such as `C000042`."""
    texts = pa.array(numbers).cast(pa.string())
    digits = pc.call_function("utf8_lpad", [texts], pc.PadOptions(width=width, padding="0"))
    return concat_text(pa.scalar(prefix), digits, separator="")


def day_identifiers(prefix: str, day_number: int, numbers: np.ndarray) -> pa.Array:
    """Identifiers such as `T00012-0000042`: the day, then a number that is unique within it."""
    return identifiers(f"{prefix}{day_number:05d}-", numbers, 7)


def concat_text(*parts: pa.Array | pa.ChunkedArray | pa.Scalar, separator: str) -> Any:
    """The texts of each row, concatenated."""
    return pc.call_function("binary_join_element_wise", [*parts, pa.scalar(separator)])


def decode(values: tuple[str, ...], codes: np.ndarray) -> pa.Array:
    """Texts by their position in `values`; a negative code becomes null."""
    return pa.array(values).take(pa.array(codes, mask=codes < 0))


def build_table(name: str, columns: dict[str, Any]) -> pa.Table:
    """A table that matches the contract `name`. Columns that are not in `columns` are null."""
    size = len(columns["event_ts"])
    arrays = [_typed(columns.get(field.name), field, size) for field in SCHEMAS[name]]
    return pa.table(arrays, schema=SCHEMAS[name])


def replace_column(table: pa.Table, name: str, values: Any) -> pa.Table:
    """The table with other values in one column, cast to the type of that column."""
    position = table.schema.get_field_index(name)
    field = table.schema.field(position)
    return table.set_column(position, field, values.cast(field.type))


def _typed(values: Any, field: pa.Field, size: int) -> Any:
    if values is None:
        return pa.nulls(size, field.type)
    is_arrow = isinstance(values, pa.Array | pa.ChunkedArray)
    return (values if is_arrow else pa.array(values)).cast(field.type)
