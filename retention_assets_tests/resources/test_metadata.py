"""What an asset's page shows: the schema of its table, a few rows made for reading, and pictures that need no display."""

from datetime import date

import dagster as dg
import pytest

from retention_assets.resources.metadata import png, rows_as_table, table_metadata


def test_a_schema_may_come_from_spark_or_as_pairs() -> None:
    from pyspark.sql.types import ArrayType, DateType, StringType, StructField, StructType

    spark = StructType(
        [StructField("day", DateType()), StructField("tags", ArrayType(StringType()))]
    )
    pairs = [("day", "date"), ("tags", "array<string>")]
    assert table_metadata(spark, 3) == table_metadata(pairs, 3)
    said = table_metadata(pairs, 3)
    assert said["dagster/row_count"] == 3
    assert [(column.name, column.type) for column in said["dagster/column_schema"].columns] == pairs


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
def test_a_cell_is_made_for_reading(value: object, shown: object) -> None:
    (record,) = rows_as_table([{"cell": value}]).records
    assert record.data["cell"] == shown and type(record.data["cell"]) is type(shown)


def test_a_table_without_rows_is_a_table() -> None:
    empty = rows_as_table(row for row in [])
    assert (empty.records, empty.schema.columns) == ([], [])


def test_tables_and_pictures_are_metadata_that_dagster_keeps() -> None:
    from matplotlib.figure import Figure

    @dg.asset
    def shown() -> dg.MaterializeResult:
        rows = [{"candidate": "xgboost", "auc": 0.7, "low": None, "as_of": date(2024, 3, 4)}]
        return dg.MaterializeResult(
            metadata={"rows": rows_as_table(rows), "plot": png(Figure())} | table_metadata([], 0)
        )

    with dg.DagsterInstance.ephemeral() as instance:
        assert dg.materialize([shown], instance=instance).success
        event = instance.get_latest_materialization_event(shown.key)
    assert event is not None and event.asset_materialization is not None
    kept = event.asset_materialization.metadata
    assert kept["rows"].value and str(kept["plot"].value).startswith("![](data:image/png;base64,")


def test_the_same_figure_gives_the_same_bytes_and_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
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
