"""What an asset's page shows: columns, lineage, rows of each partition, small tables, pictures."""

from datetime import date
from typing import Any

import dagster as dg
import pytest

from retention_assets.resources.metadata import (
    png,
    report_partitions,
    rows_as_table,
    table_metadata,
)

PAIRS = [("day", "date"), ("tags", "array<string>")]


def test_schema_comes_from_spark_or_pairs() -> None:
    from pyspark.sql.types import ArrayType, DateType, StringType, StructField, StructType

    spark = StructType(
        [StructField("day", DateType()), StructField("tags", ArrayType(StringType()))]
    )
    assert table_metadata(spark, 3, descriptions={}) == table_metadata(PAIRS, 3, descriptions={})
    metadata = table_metadata(PAIRS, 3, descriptions={})
    assert metadata["dagster/row_count"] == 3
    columns = metadata["dagster/column_schema"].columns
    assert [(column.name, column.type) for column in columns] == PAIRS


def test_columns_carry_descriptions_and_lineage() -> None:
    lineage = {"day": [("validated/transactions", "event_ts")], "tags": []}
    metadata = table_metadata(PAIRS, descriptions={"day": "The day."}, lineage=lineage)
    assert "dagster/row_count" not in metadata
    columns = metadata["dagster/column_schema"].columns
    assert [column.description for column in columns] == ["The day.", None]
    (source,) = metadata["dagster/column_lineage"].deps_by_column["day"]
    assert source.asset_key == dg.AssetKey(["validated", "transactions"])
    assert source.column_name == "event_ts"


def materializations(first: str, last: str, rows: dict[date, int]) -> dict[str, dict[str, Any]]:
    """Metadata of each partition after one run over a range that wrote these rows."""

    @dg.asset(
        key=["raw", "orders"],
        partitions_def=dg.DailyPartitionsDefinition("2024-01-01"),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def orders(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        report_partitions(
            context, "raw/orders", rows, table_metadata(PAIRS, descriptions={}) | {"files_read": 7}
        )
        return dg.MaterializeResult()

    tags = {
        "dagster/asset_partition_range_start": first,
        "dagster/asset_partition_range_end": last,
    }
    with dg.DagsterInstance.ephemeral() as instance:
        assert dg.materialize([orders], instance=instance, tags=tags).success
        records = instance.fetch_materializations(orders.key, limit=100).records
    events = [record.asset_materialization for record in records]
    return {
        str(event.partition): {name: value.value for name, value in event.metadata.items()}
        for event in events
        if event
    }


def test_each_partition_shows_its_own_rows() -> None:
    counts = {date(2024, 1, 1): 5, date(2024, 1, 3): 2}
    metadata = materializations("2024-01-01", "2024-01-03", counts)
    shown = {day: values["dagster/partition_row_count"] for day, values in metadata.items()}
    assert shown == {"2024-01-01": 5, "2024-01-02": 0, "2024-01-03": 2}


def test_last_partition_alone_describes_the_run() -> None:
    metadata = materializations("2024-01-01", "2024-01-03", {date(2024, 1, 1): 5})
    assert set(metadata["2024-01-01"]) == {"dagster/partition_row_count"}
    of_run = metadata["2024-01-03"]
    assert (of_run["files_read"], of_run["rows_of_run"], of_run["partitions_of_run"]) == (7, 5, 3)
    assert [column.name for column in of_run["dagster/column_schema"].columns] == ["day", "tags"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.12345678901, 0.123457),
        (-0.0000001, 0.0),
        (1e12 / 3, 333333333333.333313),
        (True, True),
        (7, 7),
        (None, None),
        ("text", "text"),
        (date(2024, 3, 4), "2024-03-04"),
        ([1, 2], "[1, 2]"),
    ],
)
def test_cell_is_readable(value: object, shown: object) -> None:
    (record,) = rows_as_table([{"cell": value}]).records
    assert record.data["cell"] == shown and type(record.data["cell"]) is type(shown)


def test_table_without_rows_is_valid() -> None:
    empty = rows_as_table(row for row in [])
    assert (empty.records, empty.schema.columns) == ([], [])


def test_dagster_stores_tables_and_pictures() -> None:
    from matplotlib.figure import Figure

    @dg.asset
    def shown() -> dg.MaterializeResult:
        rows = [{"candidate": "xgboost", "auc": 0.7, "low": None, "as_of": date(2024, 3, 4)}]
        return dg.MaterializeResult(
            metadata={"rows": rows_as_table(rows), "plot": png(Figure())}
            | table_metadata([], 0, descriptions={})
        )

    with dg.DagsterInstance.ephemeral() as instance:
        assert dg.materialize([shown], instance=instance).success
        event = instance.get_latest_materialization_event(shown.key)
    assert event is not None and event.asset_materialization is not None
    stored = event.asset_materialization.metadata
    assert stored["rows"].value
    assert str(stored["plot"].value).startswith("![](data:image/png;base64,")


def test_same_figure_gives_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pyplot figure is closed afterwards; no display is needed."""
    from matplotlib import pyplot

    monkeypatch.delenv("DISPLAY", raising=False)
    pictures = []
    for heights in ([1, 2], [1, 2], [2, 1]):
        figure, axes = pyplot.subplots()
        axes.bar(["a", "b"], heights)
        pictures.append(png(figure).value)
        assert not pyplot.fignum_exists(figure.number)
    assert pictures[0] == pictures[1] != pictures[2]
    assert "data:image/png;base64,iVBORw0KGgo" in str(pictures[0])
