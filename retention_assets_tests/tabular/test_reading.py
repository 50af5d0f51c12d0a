"""Each kind of file gives the same trimmed cells, and says how it was read."""

from pathlib import Path

import pandas as pd
import pytest

from retention_assets.errors import TableError
from retention_assets.tabular.reading import Dialect, TextTable, read_text_table

CELLS = {"id": ["007", "b"], "spend": ["7.50", None]}


def read(path: Path, **options: str) -> TextTable:
    return read_text_table(path, ("id",), Dialect(**options))


def cells(table: TextTable) -> dict[str, list[str | None]]:
    return {name: column.tolist() for name, column in table.columns.items()}


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        ("id, spend\n007, 7.50 \nb,  \n", "delimiter ',', encoding UTF-8"),
        ("\ufeffid\t spend\n007\t7.50\nb\t\n", "delimiter tab, encoding UTF-8 with a byte order"),
        ('{"id": "007", "spend": 7.50}\n\n{"id": "b"}\n', "JSON lines, encoding UTF-8"),
        ('[{"id": "007", "spend": 7.50},\n {"id": "b", "spend": null}]', "JSON lines"),
    ],
    ids=["CSV", "tabs", "JSON lines", "JSON array"],
)
def test_cells_are_trimmed_texts(tmp_path: Path, text: str, dialect: str) -> None:
    (tmp_path / "t").write_text(text)
    table = read(tmp_path / "t")
    assert cells(table) == CELLS
    assert str(table.dialect).startswith(dialect)


def test_whole_numbers_of_parquet_have_no_fraction(tmp_path: Path) -> None:
    """Integers with gaps are floats in pandas: 12345.0 is still the customer 12345."""
    pd.DataFrame({"id": [12345.0, None], "x": [0.5, 2.0], "y": [True, False]}).to_parquet(
        tmp_path / "t"
    )
    assert cells(read(tmp_path / "t")) == {
        "id": ["12345", None],
        "x": ["0.5", "2.0"],
        "y": ["True", "False"],
    }


def test_unnamed_and_repeated_columns_get_names(tmp_path: Path) -> None:
    (tmp_path / "t").write_text(",id,x,x\n0,a,1,2\n")
    table = read(tmp_path / "t")
    assert list(table.columns) == ["unnamed column 1", "id", "x", "x (2)"]
    assert table.repeated == {"x": 2}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"id": "a"}\n{"id": \n', "line 2 is not JSON"),
        ('{"id": "a"}\n[1]\n', "line 2 is not JSON: it is no object"),
        ('[{"id": "a"},\n{"id": }]', "line 2 is not JSON"),
        (" \n", "is empty"),
        ("PAR1 but no Parquet", "cannot be read"),
    ],
    ids=["broken line", "no object", "broken array", "empty", "broken Parquet"],
)
def test_file_that_cannot_be_read_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "t").write_text(text)
    with pytest.raises(TableError, match=message):
        read(tmp_path / "t")


def test_dialect_says_each_assumption() -> None:
    dialect = Dialect("CSV", ";", "cp1252", "gzip", ",", "when as dd/mm/yyyy")
    assert str(dialect) == (
        "gzip, delimiter ';', encoding cp1252, decimal comma, when as dd/mm/yyyy"
    )
