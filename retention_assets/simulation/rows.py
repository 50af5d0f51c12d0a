"""Builds Arrow tables in the shape of the canonical contracts. Knows columns and types, not what rows mean."""

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
SCHEMAS = {
    name: pa.schema([(column.name, ARROW_TYPES[column.type]) for column in table.columns])
    for name, table in TABLES.items()
}


def labels(prefix: str, numbers: np.ndarray, width: int) -> pa.Array:
    """Identifiers like `C000042`."""
    digits = pc.call_function(
        "utf8_lpad", [pa.array(numbers).cast(pa.string())], pc.PadOptions(width=width, padding="0")
    )
    return joined(pa.scalar(prefix), digits, separator="")


def joined(*parts: pa.Array | pa.ChunkedArray | pa.Scalar, separator: str) -> Any:
    """The texts of each row, one after the other."""
    return pc.call_function("binary_join_element_wise", [*parts, pa.scalar(separator)])


def day_labels(prefix: str, day: int, numbers: np.ndarray) -> pa.Array:
    """Identifiers like `T00012-0000042`: the day, then a number within it."""
    return labels(f"{prefix}{day:05d}-", numbers, 7)


def chosen(values: tuple[str, ...], codes: np.ndarray) -> pa.Array:
    """Texts by their position in `values`; a negative code is null."""
    return pa.array(values).take(pa.array(codes, mask=codes < 0))


def day_times(midnight_us: int, rng: np.random.Generator, size: int) -> np.ndarray:
    """Moments of a day in microseconds, waking hours more likely; the last two minutes stay free for arrival."""
    hours = rng.triangular(0.0, 15.0, 24.0, size)
    return midnight_us + np.minimum(hours * 3600.0, 86_280.0).astype(np.int64) * 1_000_000


def rows(name: str, columns: dict[str, Any]) -> pa.Table:
    """A table of the contract; columns that are not given are null."""
    size = len(columns["event_ts"])
    arrays = []
    for field in SCHEMAS[name]:
        values = columns.get(field.name)
        if values is None:
            arrays.append(pa.nulls(size, field.type))
        else:
            array: Any = (
                values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values)
            )
            arrays.append(array.cast(field.type))
    return pa.table(arrays, schema=SCHEMAS[name])
