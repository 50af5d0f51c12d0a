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
        ("no,no", "no", "no"),
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
            Roles("left", "id", positive="yes"),
            "no label in left is yes.*Name one of Yes",
        ),
        ("id,left\na,Yes\n,No\n", Roles("left", "id"), "labeled row 2: id is blank"),
        (
            "id,left,when\na,Yes,2024-01-01\nb,No,last May\n",
            Roles("left", "id", "when"),
            "when last May is no date",
        ),
        ("id,left\na,\n", Roles("left", "id"), "no row with a label"),
        ("", Roles("left", "id"), "cannot be read"),
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


def test_scored_file_needs_no_label_or_time(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,spend\na,1\n")
    table = read_flat_table(tmp_path / "t.csv", ROLES, to_score=True)
    assert table.y is None and table.positive is None and len(table) == 1
