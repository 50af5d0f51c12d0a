"""Small Delta tables without Spark: appended in commits, and joined when there are many files."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable

from retention_assets.resources.small_tables import (
    MANY_FILES,
    append_small,
    compact_small,
    read_small,
)

KEY = "raw/source_files"
READS = f"""
import sys
from retention_assets.resources.small_tables import read_small
assert read_small(sys.argv[1], {KEY!r}).num_rows == 1
"""


def row(number: int) -> pa.Table:
    return pa.table({"number": [number]})


def numbers(root: str) -> list[int]:
    rows = read_small(root, KEY)
    return sorted(rows["number"].to_pylist()) if rows else []


def test_table_that_does_not_exist_is_none(tmp_path: Path) -> None:
    assert read_small(str(tmp_path), KEY) is None


def test_appends_from_threads_are_all_kept(tmp_path: Path) -> None:
    """The first of them makes the table, which the others do not know of."""
    for run in range(5):
        root = str(tmp_path / str(run))
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(partial(append_small, root, KEY), map(row, range(8))))
        assert numbers(root) == list(range(8))


def test_new_columns_are_added_to_an_older_table(tmp_path: Path) -> None:
    """Also by several threads at once: each may be the one that adds the column."""
    root = str(tmp_path)
    append_small(root, KEY, row(0))
    wider = [pa.table({"number": [number], "rows_read": [10 * number]}) for number in range(1, 9)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(partial(append_small, root, KEY), wider))
    append_small(root, KEY, row(9))
    rows = read_small(root, KEY)
    assert rows is not None
    added = dict(zip(rows["number"].to_pylist(), rows["rows_read"].to_pylist(), strict=True))
    assert added == {0: None, **{number: 10 * number for number in range(1, 9)}, 9: None}


def test_many_files_are_joined_with_all_rows(tmp_path: Path) -> None:
    root = str(tmp_path)
    for number in range(MANY_FILES + 1):
        append_small(root, KEY, row(number))
    compact_small(root, KEY)
    assert len(DeltaTable(f"{root}/{KEY}").file_uris()) == 1
    assert numbers(root) == list(range(MANY_FILES + 1))


def test_process_that_reads_and_exits_succeeds(tmp_path: Path) -> None:
    """On a busy machine as well: pyarrow's own reader aborted every second such process."""
    root = str(tmp_path)
    append_small(root, KEY, row(1))
    command = [sys.executable, "-c", READS, root]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(6)]
    assert [
        (process.wait(), process.stderr and process.stderr.read()) for process in processes
    ] == [(0, "")] * 6
