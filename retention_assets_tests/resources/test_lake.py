"""The lake in processes of any kind, and what its writes promise."""

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from importlib import import_module
from pathlib import Path

import pytest
from deltalake import DeltaTable
from pyspark.errors import AnalysisException

from retention_assets.errors import ContractError
from retention_assets.resources.lake import DEFINITION, Lake, give_main_module_a_file

SCHEMA = "customer_id string, day date, amount double"
FIRST = date(2024, 1, 1)
SECOND = date(2024, 1, 2)
THIRD = date(2024, 1, 3)
JANUARY = [("a", FIRST, 1.0), ("a", SECOND, 2.0), ("b", THIRD, 3.0)]


def _import_spark_connect() -> None:
    """What Great Expectations does when it is imported."""
    give_main_module_a_file()
    with suppress(ImportError):
        import_module("pyspark.sql.connect.dataframe")
    raise SystemExit(7)


def test_spawned_process_survives_spark_connect_import() -> None:
    """Dagster's daemon spawns its runs: there PySpark would end the process with exit code 0."""
    process = multiprocessing.get_context("spawn").Process(target=_import_spark_connect)
    process.start()
    process.join(60)
    assert process.exitcode == 7


@pytest.fixture
def table(lake: Lake) -> str:
    lake.overwrite("test/days", lake.spark.createDataFrame(JANUARY, SCHEMA))
    return "test/days"


def rows(lake: Lake, key: str) -> list[tuple]:
    return sorted(tuple(row) for row in lake.read(key).collect())


def write(
    lake: Lake, key: str, new: Sequence[tuple], *, first: date, last: date
) -> dict[date, int]:
    frame = lake.spark.createDataFrame(new, SCHEMA)
    return lake.replace_days(key, frame, "day", first=first, last=last)


def test_overwrite_returns_rows_written(lake: Lake) -> None:
    frame = lake.spark.createDataFrame(JANUARY, SCHEMA)
    assert lake.overwrite("test/new", frame) == 3
    assert lake.overwrite("test/new", frame.where("false")) == 0
    assert rows(lake, "test/new") == []


def test_replaced_range_leaves_other_days(lake: Lake, table: str) -> None:
    new = [("c", SECOND, 9.0)]
    assert write(lake, table, new, first=SECOND, last=SECOND) == {SECOND: 1}
    assert rows(lake, table) == [JANUARY[0], JANUARY[2], ("c", SECOND, 9.0)]
    assert write(lake, table, [], first=FIRST, last=SECOND) == {}
    assert rows(lake, table) == [JANUARY[2]]


def test_rows_are_counted_by_day(lake: Lake, table: str) -> None:
    """Many days and several tasks: the counts are exact, and of the written rows alone."""
    days = lake.spark.range(0, 7000, numPartitions=5).selectExpr(
        "'x' AS customer_id",
        "date_add(DATE'2024-01-01', CAST(id % 700 AS INT)) AS day",
        "1.0D AS amount",
    )
    counts = lake.replace_days(table, days, "day", first=FIRST, last=date(2025, 12, 31))
    assert len(counts) == 700
    assert set(counts.values()) == {10}
    assert write(lake, table, JANUARY * 2, first=FIRST, last=THIRD) == dict.fromkeys(
        (FIRST, SECOND, THIRD), 2
    )


def test_days_outside_the_range_are_refused(lake: Lake, table: str) -> None:
    with pytest.raises(Exception, match="DELTA_REPLACE_WHERE_MISMATCH"):
        write(lake, table, [("c", date(2024, 2, 1), 9.0)], first=FIRST, last=SECOND)
    assert rows(lake, table) == JANUARY


def test_other_columns_are_refused(lake: Lake, table: str) -> None:
    other = lake.spark.createDataFrame(
        [("c", SECOND, "nine")], "customer_id string, day date, price string"
    )
    with pytest.raises(AnalysisException):
        lake.replace_days(table, other, "day", first=FIRST, last=THIRD)
    assert rows(lake, table) == JANUARY


def defined(lake: Lake, definition: str) -> Lake:
    """The lake of a code location that makes the table by this definition."""
    return lake.model_copy(update={"definitions": {"test/defined": definition}})


def test_tables_of_two_definitions_do_not_mix(lake: Lake) -> None:
    old = defined(lake, "old")
    key = "test/defined"
    write(old, key, JANUARY, first=FIRST, last=THIRD)
    write(old, key, [("c", SECOND, 9.0)], first=SECOND, last=SECOND)
    assert DeltaTable(lake.path(key)).metadata().configuration[DEFINITION] == "old"
    new = defined(lake, "new")
    with pytest.raises(ContractError, match=r"test/defined was made by another definition"):
        new.read(key)
    with pytest.raises(ContractError, match="some of its days would stay"):
        write(new, key, [("c", SECOND, 9.0)], first=SECOND, last=SECOND)
    frame = lake.spark.createDataFrame(JANUARY, SCHEMA)
    with pytest.raises(ContractError):
        new.replace_since(key, frame.where("day > '2024-01-01'"), "day", SECOND)
    assert len(rows(old, key)) == 3


def test_whole_table_takes_another_definition_and_its_columns(lake: Lake) -> None:
    key = "test/defined"
    write(defined(lake, "old"), key, JANUARY, first=FIRST, last=THIRD)
    new = defined(lake, "new")
    stored = new.read_as_stored(key).selectExpr("*", "1 AS more")
    assert new.replace_days(key, stored, "day", first=FIRST, last=THIRD) == {
        FIRST: 1,
        SECOND: 1,
        THIRD: 1,
    }
    assert new.read(key).columns == ["customer_id", "day", "amount", "more"]
    assert DeltaTable(lake.path(key)).metadata().configuration[DEFINITION] == "new"
    newest = defined(lake, "newest")
    frame = lake.spark.createDataFrame(JANUARY, SCHEMA)
    assert newest.merge(key, frame, ["customer_id", "day"]) == 3
    assert rows(newest, key) == JANUARY


def test_merge_leaves_exactly_the_given_rows(lake: Lake, table: str) -> None:
    state = lake.spark.createDataFrame([("a", SECOND, 2.5), ("d", SECOND, None)], SCHEMA)
    lake.overwrite(table, lake.spark.createDataFrame(JANUARY[1:], SCHEMA))
    assert lake.merge(table, state, ["customer_id"]) == 2
    assert rows(lake, table) == [("a", SECOND, 2.5), ("d", SECOND, None)]
    lake.merge(table, state, ["customer_id"])
    assert rows(lake, table) == [("a", SECOND, 2.5), ("d", SECOND, None)]


def test_any_delta_reader_opens_a_table(lake: Lake, table: str) -> None:
    assert Path(lake.path(table)).is_dir()
    assert DeltaTable(lake.path(table)).to_pyarrow_table().num_rows == 3


def test_threads_write_side_by_side(lake: Lake) -> None:
    """Steps of a run do: each write counts its own rows."""

    def write_table(number: int) -> int:
        frame = lake.spark.range(number * 100).selectExpr("DATE'2024-01-01' AS day", "id")
        key = f"test/side_by_side_{number}"
        counts = lake.replace_days(key, frame, "day", first=FIRST, last=FIRST)
        return counts[FIRST]

    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(write_table, (1, 2, 3))) == [100, 200, 300]
