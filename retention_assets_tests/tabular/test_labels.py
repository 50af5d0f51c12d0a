"""Which labels count as yes: spellings are one value, and no meaning is guessed."""

import numpy as np
import pytest

from retention_assets.errors import TableError
from retention_assets.tabular.labels import Labels, fold, learn_labels


def column(*cells: str | None) -> np.ndarray:
    return np.array([*cells, None], dtype=object)[:-1]


def learned(*cells: str | None, positive: str | None = None) -> Labels:
    return learn_labels("t.csv", "left", column(*cells), positive)


@pytest.mark.parametrize(
    ("cells", "positive", "labels"),
    [
        (["Yes", "yes", "YES", "No", "NO"], None, [1, 1, 1, 0, 0]),
        (["Yes", "yes", "YES", "No", "NO"], "Yes", [1, 1, 1, 0, 0]),
        (["Yes", "yes", "No", "no"], "no", [0, 0, 1, 1]),
        (["True.", "False.", "TRUE", "false"], None, [1, 0, 1, 0]),
        (["true", "Yes", "1", "0", "no"], None, [1, 1, 1, 0, 0]),
        (["true", "Yes", "1", "0", "no"], "1", [1, 1, 1, 0, 0]),
        (["1.0", "0.0", "1"], None, [1, 0, 1]),
        (["2", "1", "2.0"], "2", [1, 0, 1]),
        (["Churned", "stayed", "CHURNED ", "joined"], "churned", [1, 0, 1, 0]),
        (["y", "N"], None, [1, 0]),
        (["T", "f"], None, [1, 0]),
    ],
)
def test_spellings_of_a_label_are_one_value(
    cells: list[str], positive: str | None, labels: list[int]
) -> None:
    result = learned(*cells, positive=positive)
    assert result.read("t.csv", column(*cells)).tolist() == labels


@pytest.mark.parametrize(
    "cells",
    [
        ["1", "2"],
        ["-1", "1"],
        ["churned", "stayed"],
        ["Yes", "No", "Maybe"],
        ["0", "1", "2"],
        ["t", "n"],
        ["yes", "false"],
        ["left", "0"],
    ],
)
def test_label_without_plain_meaning_asks_for_it(cells: list[str]) -> None:
    with pytest.raises(TableError, match=r"Fix: Say which counts as yes: --positive VALUE"):
        learned(*cells)


def test_one_class_names_the_rows_without_label() -> None:
    with pytest.raises(TableError, match=r"every known label in left is yes; 2 rows are none"):
        learned("yes", "none", "yes", "none", positive="yes")


def test_most_frequent_spelling_is_shown() -> None:
    assert learned("YES", "Yes", "Yes", "no").positive == "Yes"
    assert fold(" True. ") == "true"
