"""Dagster metadata that every asset shows: row count, column schema, pictures. No numbers are worked out here."""

import base64
from collections.abc import Iterable
from io import BytesIO
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pyspark.sql.types import StructType


def table_metadata(schema: "StructType | Iterable[tuple[str, str]]", rows: int) -> dict[str, Any]:
    """Row count and column schema as the Dagster UI reads them. `schema`: a Spark schema, or (name, type) pairs."""
    pairs = (
        (item if isinstance(item, tuple) else (item.name, item.dataType.simpleString()))
        for item in schema
    )
    columns = [dg.TableColumn(name=name, type=kind) for name, kind in pairs]
    return {"dagster/row_count": rows, "dagster/column_schema": dg.TableSchema(columns=columns)}


def rows_as_table(rows: Iterable[dict[str, Any]]) -> dg.TableMetadataValue:
    """A small table for the asset's page; values are rounded for reading, dates and lists become text."""
    records = [dg.TableRecord({name: _cell(value) for name, value in row.items()}) for row in rows]
    return dg.MetadataValue.table(records, schema=None if records else dg.TableSchema(columns=[]))


def png(figure: "Figure") -> dg.MarkdownMetadataValue:
    """The figure as an embedded picture. Needs no display: a Figure made without pyplot, or one of pyplot's, which is closed."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    buffer = BytesIO()
    # No software version or date in the file: the same figure gives the same bytes.
    figure.savefig(buffer, format="png", dpi=90, bbox_inches="tight", metadata={"Software": None})
    pyplot.close(figure)
    return dg.MetadataValue.md(
        f"![](data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()})"
    )


def _cell(value: Any) -> str | int | float | bool | None:
    if isinstance(value, float):
        return round(value, 6)
    return value if value is None or isinstance(value, (str, int, bool)) else str(value)
