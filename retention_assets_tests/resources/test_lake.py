"""The lake in processes of any kind, and what its writes promise."""

import multiprocessing
from contextlib import suppress
from datetime import date
from importlib import import_module
from pathlib import Path

import pytest
from pyspark.errors import AnalysisException

from retention_assets.resources.lake import Lake, give_main_module_a_file

SCHEMA = "customer_id string, day date, amount double"
JANUARY = [("a", date(2024, 1, 1), 1.0), ("a", date(2024, 1, 2), 2.0), ("b", date(2024, 1, 3), 3.0)]


def _look_for_spark_connect() -> None:
    """What Great Expectations does when it is imported."""
    give_main_module_a_file()
    with suppress(ImportError):
        import_module("pyspark.sql.connect.dataframe")
    raise SystemExit(7)


def test_a_spawned_process_lives_through_the_search_for_spark_connect() -> None:
    """Dagster's daemon spawns its runs: there PySpark would end the process with exit code 0."""
    process = multiprocessing.get_context("spawn").Process(target=_look_for_spark_connect)
    process.start()
    process.join(60)
    assert process.exitcode == 7


@pytest.fixture
def table(lake: Lake) -> str:
    lake.overwrite("test/days", lake.spark.createDataFrame(JANUARY, SCHEMA))
    return "test/days"


def rows(lake: Lake, key: str) -> list[tuple]:
    return sorted(tuple(row) for row in lake.read(key).collect())


def test_a_range_is_replaced_and_the_days_around_it_stay(lake: Lake, table: str) -> None:
    new = lake.spark.createDataFrame([("c", date(2024, 1, 2), 9.0)], SCHEMA)
    assert lake.replace_days(table, new, "day", date(2024, 1, 2), date(2024, 1, 2)) == 1
    assert rows(lake, table) == [JANUARY[0], JANUARY[2], ("c", date(2024, 1, 2), 9.0)]
    assert (
        lake.replace_days(table, new.where("false"), "day", date(2024, 1, 1), date(2024, 1, 2)) == 0
    )
    assert rows(lake, table) == [JANUARY[2]]


def test_rows_of_other_days_are_refused_and_nothing_is_changed(lake: Lake, table: str) -> None:
    stray = lake.spark.createDataFrame([("c", date(2024, 2, 1), 9.0)], SCHEMA)
    with pytest.raises(Exception, match="DELTA_REPLACE_WHERE_MISMATCH"):
        lake.replace_days(table, stray, "day", date(2024, 1, 1), date(2024, 1, 2))
    assert rows(lake, table) == JANUARY


def test_other_columns_are_refused_and_the_table_stays_as_it_was(lake: Lake, table: str) -> None:
    other = lake.spark.createDataFrame(
        [("c", date(2024, 1, 2), "nine")], "customer_id string, day date, price string"
    )
    with pytest.raises(AnalysisException):
        lake.replace_days(table, other, "day", date(2024, 1, 1), date(2024, 1, 3))
    assert rows(lake, table) == JANUARY


def test_a_merge_leaves_exactly_the_rows_given_again_and_again(lake: Lake, table: str) -> None:
    state = lake.spark.createDataFrame(
        [("a", date(2024, 1, 2), 2.5), ("d", date(2024, 1, 2), None)], SCHEMA
    )
    lake.overwrite(table, lake.spark.createDataFrame(JANUARY[1:], SCHEMA))
    assert lake.merge(table, state, ["customer_id"]) == 2
    assert rows(lake, table) == [("a", date(2024, 1, 2), 2.5), ("d", date(2024, 1, 2), None)]
    lake.merge(table, state, ["customer_id"])
    assert rows(lake, table) == [("a", date(2024, 1, 2), 2.5), ("d", date(2024, 1, 2), None)]


def test_any_delta_reader_can_open_a_table(lake: Lake, table: str) -> None:
    from deltalake import DeltaTable

    assert Path(lake.path(table)).is_dir()
    assert DeltaTable(lake.path(table)).to_pyarrow_table().num_rows == 3
