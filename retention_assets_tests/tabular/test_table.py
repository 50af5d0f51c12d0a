"""Reading a flat table: nothing is guessed, and each fault is reported with its fix."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from retention_assets.errors import TableError
from retention_assets.tabular.table import UNDATED, Roles, read_flat_table

TABLE = (
    "id,when,left, spend ,plan\na,2024-03-04,Yes, 7.5,\n"
    "b,2024-03-05T10:00:00Z,No,,gold\nc,2024-03-06,,3,gold\n"
)
ROLES = Roles("left", "id", "when")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(TABLE.replace(" spend ", "spend"))
    return path


def test_cells_are_trimmed_and_blank_is_unknown(file: Path) -> None:
    table = read_flat_table(file, ROLES)
    assert {name: column.tolist() for name, column in table.columns.items()} == {
        "spend": ["7.5", None],
        "plan": [None, "gold"],
    }
    assert (
        table.identifiers.tolist() == ["a", "b"]
        and table.y is not None
        and table.y.tolist() == [1, 0]
    )
    assert table.as_of.tolist() == [
        np.datetime64("2024-03-04").item(),
        np.datetime64("2024-03-05").item(),
    ]
    assert (table.positive, table.unlabeled, len(table)) == ("Yes", 1, 2)


def test_parquet_says_the_same_as_csv(file: Path, tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"id": ["a", "b"], "left": [True, False], "spend": [7.5, None], "visits": [3, 4]}
    )
    frame.to_parquet(tmp_path / "table.parquet")
    table = read_flat_table(tmp_path / "table.parquet", Roles("left", "id"))
    assert {name: column.tolist() for name, column in table.columns.items()} == {
        "spend": ["7.5", None],
        "visits": ["3", "4"],
    }
    assert table.y is not None and table.y.tolist() == [1, 0] and set(table.as_of) == {UNDATED}


@pytest.mark.parametrize(
    ("labels", "positive", "expected"),
    [
        ("Yes,No", None, "Yes"),
        ("1,0", None, "1"),
        ("true,false", None, "true"),
        ("gone,here", "gone", "gone"),
        ("Yes,No", "No", "No"),
    ],
)
def test_positive_label_is_named_or_means_yes(
    tmp_path: Path, labels: str, positive: str | None, expected: str
) -> None:
    rows = [f"r{at},{label}" for at, label in enumerate(labels.split(","))]
    (tmp_path / "t.csv").write_text("\n".join(["id,left", *rows]))
    table = read_flat_table(tmp_path / "t.csv", Roles("left", "id", positive=positive))
    assert table.positive == expected
    assert table.y is not None and table.y.tolist() == [
        int(label == expected) for label in labels.split(",")
    ]


@pytest.mark.parametrize(
    ("text", "roles", "message"),
    [
        ("id,left\na,Yes\n", Roles("churn", "id"), "has no column churn.*Name one of id, left"),
        ("id,left\na,Yes\n", Roles("left", "who"), "has no column who"),
        (
            "id,left\na,gone\nb,here\n",
            Roles("left", "id"),
            "labels in left are gone, here.*--positive VALUE",
        ),
        ("id,left\na,Yes\nb,No\nc,Maybe\n", Roles("left", "id"), "--positive VALUE"),
        (
            "id,left\na,Yes\n",
            Roles("left", "id", positive="gone"),
            "no label in left is gone.*Name one of Yes",
        ),
        ("id,left\na,Yes\n,No\n", Roles("left", "id"), "labeled row 2: id is blank"),
        (
            "id,left,when\na,Yes,2024-01-01\nb,No,last May\n",
            Roles("left", "id", "when"),
            "when last May is no date",
        ),
        ("id,left\na,\n", Roles("left", "id"), "no row with a label"),
        ("", Roles("left", "id"), "is empty"),
    ],
)
def test_fault_is_reported_with_its_fix(
    tmp_path: Path, text: str, roles: Roles, message: str
) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(TableError, match=message):
        read_flat_table(tmp_path / "t.csv", roles)


def test_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="There is no file"):
        read_flat_table(tmp_path / "none.csv", ROLES)


def test_scored_file_needs_no_label_or_time(file: Path, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,spend\na,1\n")
    table = read_flat_table(tmp_path / "t.csv", ROLES, first=read_flat_table(file, ROLES))
    assert table.y is None and table.positive is None and len(table) == 1


def test_label_that_is_a_null_word_is_no_label(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,left\na,1\nb,NA\nc,0\nd,\ne,#N/A\n")
    table = read_flat_table(tmp_path / "t.csv", Roles("left", "id"))
    assert table.y is not None
    assert table.y.tolist() == [1, 0]
    assert (table.unlabeled, table.null_labels) == (3, 2)


def test_identifiers_keep_zeros_and_lose_blanks(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('id,left\n007  ,1\n" 0010",0\n')
    assert read_flat_table(tmp_path / "t.csv", Roles("left", "id")).identifiers.tolist() == [
        "007",
        "0010",
    ]


@pytest.mark.parametrize("word", ["NULL", "nan", "N/A"])
def test_identifier_that_is_a_null_word_is_blank(tmp_path: Path, word: str) -> None:
    (tmp_path / "t.csv").write_text(f"id,left\na,1\n{word},0\n")
    with pytest.raises(TableError, match=rf"labeled row 2: id is blank \({word}\)"):
        read_flat_table(tmp_path / "t.csv", Roles("left", "id"))


def test_rounded_identifiers_of_excel_are_refused(tmp_path: Path) -> None:
    rows = "\n".join(f"4.9{at % 2}E+12,{at % 3 % 2}" for at in range(1500))
    (tmp_path / "t.csv").write_text(f"id,left\n{rows}\n")
    with pytest.raises(TableError, match=r"1,500 rows with 2 identifiers.*Fix: Export"):
        read_flat_table(tmp_path / "t.csv", Roles("left", "id"))


def test_second_file_is_read_as_the_first(tmp_path: Path) -> None:
    """Its label spellings and its dates, which alone would not tell the day from the month."""
    (tmp_path / "a.csv").write_text("id,left,when\na,Yes,30/09/2023\nb,No,01/02/2023\n")
    (tmp_path / "b.csv").write_text("id,left,when\nc,NO,03/04/2024\n")
    roles = Roles("left", "id", "when")
    second = read_flat_table(
        tmp_path / "b.csv", roles, first=read_flat_table(tmp_path / "a.csv", roles)
    )
    assert second.y is not None
    assert second.y.tolist() == [0]
    assert second.as_of.tolist() == [np.datetime64("2024-04-03").item()]


def test_unknown_label_of_second_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,left\na,1\nb,0\n")
    (tmp_path / "b.csv").write_text("id,left\nc,2\n")
    roles = Roles("left", "id")
    with pytest.raises(TableError, match="labels 2 are not among those trained on"):
        read_flat_table(tmp_path / "b.csv", roles, first=read_flat_table(tmp_path / "a.csv", roles))


@pytest.mark.parametrize(
    ("text", "decimal"),
    [
        ("id;left;x\na;1;12,5\nb;0;3\n", ","),
        ("id;left;x\na;1;1.234\nb;0;3\n", None),
        ("id,left,x\na,1,1.234\nb,0,3\n", "."),
        ('id,left,x\na,1,"4,724.98"\nb,0,3\n', "."),
        ('id,left,x,z\na,1,"4,72",1.5\nb,0,3,1\n', None),
    ],
    ids=["comma", "not shown", "point", "thousands", "contradiction"],
)
def test_decimal_mark_is_what_columns_show(tmp_path: Path, text: str, decimal: str | None) -> None:
    (tmp_path / "t.csv").write_text(text)
    assert read_flat_table(tmp_path / "t.csv", Roles("left", "id")).dialect.decimal == decimal


def test_two_columns_of_the_labels_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,left, left\na,1,0\n")
    with pytest.raises(TableError, match="has 2 columns left"):
        read_flat_table(tmp_path / "t.csv", Roles("left", "id"))


def test_blank_labels_of_second_file_are_no_labels(file: Path, tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("id,left,spend\nc,,1\nd,NA,2\n")
    table = read_flat_table(tmp_path / "b.csv", ROLES, first=read_flat_table(file, ROLES))
    assert table.y is None
    assert len(table) == 2
