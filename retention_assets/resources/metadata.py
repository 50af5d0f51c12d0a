"""How assets appear in Dagster: keys, row counts, columns, lineage, pictures. No figures."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from io import BytesIO
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pyspark.sql.types import StructType

ROW_COUNT = "dagster/row_count"
PARTITION_ROW_COUNT = "dagster/partition_row_count"
ROWS_OF_RUN = "rows_of_run"
Columns = Iterable[tuple[str, str]]


def asset_key(key: str) -> dg.AssetKey:
    """Dagster's form of a key from keys.py, such as `validated/watermark`."""
    return dg.AssetKey.from_user_string(key)


def table_metadata(
    schema: "StructType | Columns",
    rows: int | None = None,
    *,
    descriptions: Mapping[str, str],
    lineage: Mapping[str, Sequence[tuple[str, str]]] | None = None,
) -> dict[str, Any]:
    """Row count, columns and column lineage as the Dagster UI reads them.

    `schema`: a Spark schema, or (name, type) pairs. `descriptions`: column -> meaning.
    `lineage`: column -> the (asset key, column) pairs that it is computed from.
    """
    metadata: dict[str, Any] = {"dagster/column_schema": _columns(schema, descriptions)}
    if rows is not None:
        metadata[ROW_COUNT] = rows
    if lineage:
        metadata["dagster/column_lineage"] = _lineage(lineage)
    return metadata


def with_location(asset: dg.AssetsDefinition, lake_root: str) -> dg.AssetsDefinition:
    """The asset with the name and address of its Delta table, where it has one."""

    def located(spec: dg.AssetSpec) -> dg.AssetSpec:
        if "deltalake" not in spec.kinds:
            return spec
        location = {
            "dagster/table_name": ".".join(spec.key.path),
            "dagster/uri": f"{lake_root}/{spec.key.to_user_string()}",
        }
        return spec.merge_attributes(metadata=location)

    return asset.map_asset_specs(located)


def report_partitions(
    context: dg.AssetExecutionContext,
    key: str,
    rows_by_day: Mapping[date, int],
    run_metadata: Mapping[str, Any],
) -> None:
    """Gives each partition of the run its own row count, and what belongs to the whole run to its
    last partition alone: a run over 400 days must not say the same 400 times.
    """
    asset = asset_key(key)
    days = context.partition_keys
    for day in days:
        rows = rows_by_day.get(date.fromisoformat(day), 0)
        context.add_asset_metadata({PARTITION_ROW_COUNT: rows}, asset, day)
    of_run = {ROWS_OF_RUN: sum(rows_by_day.values()), "partitions_of_run": len(days)}
    context.add_asset_metadata(of_run | dict(run_metadata), asset, days[-1])


def rows_as_table(rows: Iterable[Mapping[str, Any]]) -> dg.TableMetadataValue:
    """A small table for the asset's page: values are rounded, dates and lists become text."""
    records = [dg.TableRecord({name: _cell(value) for name, value in row.items()}) for row in rows]
    schema = None if records else dg.TableSchema(columns=[])
    return dg.MetadataValue.table(records, schema=schema)


def markdown(text: str) -> dg.MarkdownMetadataValue:
    """A text that the asset's page shows formatted."""
    return dg.MetadataValue.md(text)


def png(figure: "Figure") -> dg.MarkdownMetadataValue:
    """The figure as an embedded picture. Needs no display. A pyplot figure is closed."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    buffer = BytesIO()
    # No software version or date in the file: the same figure gives the same bytes.
    options: dict[str, Any] = {"dpi": 90, "bbox_inches": "tight", "metadata": {"Software": None}}
    figure.savefig(buffer, format="png", **options)
    pyplot.close(figure)
    picture = base64.b64encode(buffer.getvalue()).decode()
    return dg.MetadataValue.md(f"![](data:image/png;base64,{picture})")


def _columns(schema: "StructType | Columns", descriptions: Mapping[str, str]) -> dg.TableSchema:
    pairs = [
        item if isinstance(item, tuple) else (item.name, item.dataType.simpleString())
        for item in schema
    ]
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name=name, type=kind, description=descriptions.get(name))
            for name, kind in pairs
        ]
    )


def _lineage(lineage: Mapping[str, Sequence[tuple[str, str]]]) -> dg.TableColumnLineage:
    return dg.TableColumnLineage(
        {
            column: [
                dg.TableColumnDep(asset_key=asset_key(key), column_name=name)
                for key, name in sources
            ]
            for column, sources in lineage.items()
        }
    )


def _cell(value: Any) -> str | int | float | bool | None:
    if isinstance(value, float):
        return round(value, 6)
    return value if value is None or isinstance(value, (str, int, bool)) else str(value)
