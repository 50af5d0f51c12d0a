"""Files as people write them: their rows, their own text, and the faults of rows."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from retention_assets.errors import ProfileError, SchemaChangedError
from retention_assets.ingestion.layouts import inspect_files
from retention_assets.ingestion.opening import open_files
from retention_assets.resources.lake import Lake
from retention_assets.sources.contracts import BROKEN_JSON, FEWER_FIELDS, MORE_FIELDS
from retention_assets.sources.profile import FileOptions, Profile, TableSource
from retention_assets.sources.source_files import SourceFile

COLUMNS = {"order": "string", "time": "timestamp", "total": "double"}
LINE = "1,2024-01-02 10:00:00,5"


def opened(
    lake: Lake, folder: Path, *, columns: dict[str, str] | None = None, **changes: Any
) -> list[Any]:
    """The rows of all files in the folder."""
    changes = {"format": "csv", "source_columns": columns or COLUMNS} | changes
    options = FileOptions(**changes.pop("options", {}))
    table = TableSource(path="*", columns={"order_id": "order"}, options=options, **changes)
    profile = Profile.model_validate(
        {
            "name": "shop",
            "start": date(2024, 1, 1),
            "churn": {"kind": "inactivity"},
            "tables": {"transactions": table},
            "root": folder,
        }
    )
    files = [SourceFile("transactions", path, None, 0, 0) for path in sorted(folder.iterdir())]
    layouts, _ = inspect_files(profile, "transactions", files)
    return open_files(lake.spark, table, layouts, profile).collect()


def test_field_count_other_than_header_is_a_fault(lake: Lake, tmp_path: Path) -> None:
    text = f"order,time,total\n{LINE}\n2,2024-01-02 10:00:00,1,234.50\n3\n{LINE},,\n"
    (tmp_path / "o.csv").write_text(text)
    rows = opened(lake, tmp_path)
    assert [row["_row_fault"] for row in rows] == [None, MORE_FIELDS, FEWER_FIELDS, None]
    assert rows[1]["_raw_text"] == "2,2024-01-02 10:00:00,1,234.50"


def test_quoted_line_breaks_stay_in_one_row(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_bytes(
        b'order,time,total\r\n"a\r\n\r\nb, c",2024-01-02,5\r\nd,,6\r\n'
    )
    rows = opened(lake, tmp_path)
    assert [(row["total"], row["_row_fault"]) for row in rows] == [(5.0, None), (6.0, None)]


@pytest.mark.parametrize("name", ["a [EU].csv", "b {1}.csv", "100% +1.csv", "Export (ü).csv"])
def test_file_names_are_decoded(lake: Lake, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(f"order,time,total\n{LINE}\n")
    assert [row["_source_file"] for row in opened(lake, tmp_path)] == [name]


def test_files_with_brackets_are_read_once(lake: Lake, tmp_path: Path) -> None:
    for name in ("a [EU].csv", "b {1}.csv", "c?*.csv", "plain.csv"):
        (tmp_path / name).write_text(f"order,time,total\n{LINE}\n")
    assert len(opened(lake, tmp_path)) == 4


def test_encoding_is_declared_or_refused(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_bytes("order,time,total\nMÜLLER,2024-01-02,5\n".encode("cp1252"))
    (row,) = opened(lake, tmp_path, options={"encoding": "cp1252"})
    assert row["order"] == "MÜLLER"
    with pytest.raises(ProfileError, match=r"o\.csv is not utf-8 text.*options\.encoding"):
        opened(lake, tmp_path)


def test_undeclared_header_cells_do_not_matter(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_text(
        f",order,note, time ,total,note,\n0,{LINE[:2]}x,{LINE[2:]},y,\n"
    )
    (row,) = opened(lake, tmp_path)
    assert (row["order"], row["total"], row["_row_fault"]) == ("1", 5.0, None)


@pytest.mark.parametrize(
    ("text", "total"),
    [("1e3", 1e3), (" 7.5 ", 7.5), ("5d", None), ("0x1F", None), ("$5", None), ("(12.00)", None)],
)
def test_only_plain_numbers_are_read(
    lake: Lake, tmp_path: Path, text: str, total: float | None
) -> None:
    (tmp_path / "o.csv").write_text(f"order,time,total\n1,2024-01-02,{text}\n")
    (row,) = opened(lake, tmp_path)
    assert (row["total"], row["_unreadable_total"]) == (total, total is None)


def test_options_state_marks_and_currency(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_text(
        "order;time;total\n1;2024-01-02;€ 1.234,50\n2;2024-01-02;8,00\n"
    )
    options = {"delimiter": ";", "decimal": ",", "thousands": ".", "currency": "€"}
    assert [row["total"] for row in opened(lake, tmp_path, options=options)] == [1234.5, 8.0]


@pytest.mark.parametrize("text", ["45294", "202401", "20240105", "2024", "10:30", "1704272400000"])
def test_bare_number_is_no_moment(lake: Lake, tmp_path: Path, text: str) -> None:
    (tmp_path / "o.csv").write_text(f"order,time,total\n1,{text},5\n")
    (row,) = opened(lake, tmp_path)
    assert row["time"] is None and row["_unreadable_time"]


def test_null_words_count_in_ids_only(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_text("order,time,total,land\nnan,2024-01-02,NaN,NA\n")
    (row,) = opened(lake, tmp_path, columns=COLUMNS | {"land": "string"})
    assert (row["order"], row["total"], row["land"]) == (None, None, "NA")
    assert not row["_unreadable_total"]


def test_zone_of_naive_times_is_an_option(lake: Lake, tmp_path: Path) -> None:
    times = ["2024-03-31 02:30:00", "2024-10-27 02:30:00", "2024-10-27T02:30:00+01:00"]
    lines = "\n".join(f"{time},{time},5" for time in times)
    (tmp_path / "o.csv").write_text(f"order,time,total\n{lines}\n")
    rows = opened(
        lake, tmp_path, columns={"time": "timestamp"}, options={"time_zone": "Europe/Berlin"}
    )
    assert [row["time"].timestamp() for row in rows] == [1711848600, 1729989000, 1729992600]


def test_json_keeps_text_and_finds_keys_in_any_case(lake: Lake, tmp_path: Path) -> None:
    lines = ['{"Order": "1", "TOTAL": 12.5, "basket": [1]}', '{"order": "2", "total": 8,}']
    (tmp_path / "o.json").write_text("\n".join(lines))
    rows = opened(lake, tmp_path, format="json")
    assert [(row["order"], row["total"]) for row in rows] == [("1", 12.5), (None, None)]
    assert [row["_raw_text"] for row in rows] == lines
    assert [row["_row_fault"] for row in rows] == [None, BROKEN_JSON]


def test_json_array_is_read(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "o.json").write_text(json.dumps([{"order": "1"}, {"order": "2"}], indent=2))
    assert [row["order"] for row in opened(lake, tmp_path, format="json")] == ["1", "2"]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_column_that_files_may_lack_is_null(lake: Lake, tmp_path: Path, kind: str) -> None:
    """Such as one that a contract gained; but a column of another name may be a misspelled one."""
    older = pa.table({"order": ["1"], "time": ["2024-01-02 10:00:00"]})
    newer = older.append_column("total", pa.array([5.0]))
    write = {"csv": pacsv.write_csv, "parquet": pq.write_table}[kind]
    for name, table in (("a", older), ("b", newer)):
        write(table, tmp_path / f"{name}.{kind}")
    columns = {"order": "string", "time": "string", "total": "double"}
    rows = opened(lake, tmp_path, columns=columns, format=kind, may_lack=["total"])
    assert sorted((row["_source_file"], row["total"], row["_row_fault"]) for row in rows) == [
        (f"a.{kind}", None, None),
        (f"b.{kind}", 5.0, None),
    ]
    write(newer.rename_columns(["order", "time", "totla"]), tmp_path / f"b.{kind}")
    with pytest.raises(SchemaChangedError, match="column total is missing"):
        opened(lake, tmp_path, columns=columns, format=kind, may_lack=["total"])


def test_parquet_of_pandas_is_read(lake: Lake, tmp_path: Path) -> None:
    moment = pa.array([1704189600 * 10**9], pa.timestamp("ns"))
    common = {"time": moment, "extra": [{"x": [1]}], "wait": pa.array([1], pa.duration("ns"))}
    pq.write_table(pa.table(common | {"order": [12345.0], "total": [3]}), tmp_path / "1.parquet")
    no_total = {"order": pa.nulls(1), "total": pa.array([2.5])}
    pq.write_table(pa.table(common | no_total), tmp_path / "2.parquet")
    columns = {"order": "string", "time": "timestamp", "total": "int"}
    rows = opened(lake, tmp_path, columns=columns, format="parquet")
    assert [(row["order"], row["total"]) for row in rows] == [("12345", 3), (None, None)]
    assert [row["_unreadable_total"] for row in rows] == [False, True]
    assert {row["time"].timestamp() for row in rows} == {1704189600}
