"""The report says how each file was read, and counts what could not be."""

import numpy as np

from retention_assets.tabular.cells import NumberFormat
from retention_assets.tabular.encoding.encoding import Encoding
from retention_assets.tabular.encoding.kinds import Numbers, Words
from retention_assets.tabular.report import cell_counts, notes_of
from retention_assets.tabular.table import UNDATED, FlatTable, Roles


def table(name: str, null_labels: int, **cells: list[str | None]) -> FlatTable:
    columns = {title: np.array(column, dtype=object) for title, column in cells.items()}
    n = len(next(iter(columns.values())))
    identifiers = np.array([f"r{at}" for at in range(n)])
    return FlatTable(
        name, identifiers, np.full(n, UNDATED), columns, None, None, null_labels=null_labels
    )


def test_cells_are_counted_over_both_files() -> None:
    kinds = {"spend": Numbers(NumberFormat(",")), "plan": Words(("gold",), frozenset({"gold"}))}
    encoding = Encoding(kinds, refused={})
    tables = [
        table("a.csv", 3, spend=["1,5", "NA", "5d"], plan=["gold", None, "gold"]),
        table("b.csv", 0, spend=["?", "7", "9 GB"], plan=["silver", "gold", "gold"]),
    ]
    assert cell_counts(tables, Roles("left", "id"), encoding) == {
        "number_formats": {"spend": "decimal comma"},
        "null_words": {"left": 3, "spend": 2},
        "unread_cells": {"spend": 2},
        "unread_examples": {"spend": "5d"},
        "new_words": {"plan": 1},
    }


def test_notes_say_what_was_assumed_and_left_out() -> None:
    notes = notes_of(
        {
            "table": "a.csv",
            "assumed": "delimiter ';', encoding cp1252, decimal comma",
            "test_table": None,
            "label": "left",
            "label_values": {"positive": ["yes"], "negative": ["no"]},
            "rows": {"without_label": 1307},
            "warnings": [],
            "number_formats": {"spend": "decimal comma"},
            "null_words": {"left": 307},
            "unread_cells": {"spend": 2},
            "unread_examples": {"spend": "5d"},
            "new_words": {},
        }
    )
    assert notes == [
        "a.csv assumed: delimiter ';', encoding cp1252, decimal comma.",
        "Label left: yes counts as yes, no as no; 1,307 rows have no label and are left out.",
        "spend is read with decimal comma.",
        "307 cells of left are words such as NA or NULL and count as blank.",
        "2 cells of spend are no numbers and count as unknown, for example 5d.",
    ]
