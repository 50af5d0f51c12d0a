"""Texts as numbers: one format for a column, and no cell that is read as another number."""

import numpy as np
import pytest

from retention_assets.tabular.cells import (
    NumberFormat,
    ambiguous_number,
    null_word,
    number_format,
    shown_decimals,
)


def column(*cells: str | None) -> np.ndarray:
    return np.array([*cells, None], dtype=object)[:-1]


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["7.5", "1e3", "-2", ".5", "+3"], [7.5, 1000, -2, 0.5, 3]),
        (["1,234.50", "742.34", "12,000"], [1234.5, 742.34, 12000]),
        (["1.234,50", "742,3", "12.000"], [1234.5, 742.3, 12000]),
        (["1 234,5", "1\u00a0234,5", "12\u202f000"], [1234.5, 1234.5, 12000]),
        (["1'234.5", "12’000", "7"], [1234.5, 12000, 7]),  # noqa: RUF001
        (["12,34,567.5", "1,00,000", "5.5"], [1234567.5, 100000, 5.5]),
        (["$5.50", "$ 1,200", "-$3", "$-4"], [5.5, 1200, -3, -4]),
        (["5,50 €", "1.200 €", "EUR 7"], [5.5, 1200, np.nan]),
        (["12%", "3.5 %", "0%"], [12, 3.5, 0]),
        (["(12.50)", "7", "12.5-", "\u22123"], [-12.5, 7, -12.5, -3]),
        (["1.234", "0.125", "2.5"], [1.234, 0.125, 2.5]),
    ],
    ids=[
        "plain",
        "thousands",
        "decimal comma",
        "blanks",
        "apostrophes",
        "lakh",
        "dollars",
        "other currency",
        "percent",
        "negatives",
        "three decimals",
    ],
)
def test_column_is_read_in_one_format(cells: list[str], numbers: list[float]) -> None:
    written = column(*cells)
    form = number_format(column(*cells * 10, *cells[:1] * 400), None)
    assert form is not None
    assert np.array_equal(form.read(written), numbers, equal_nan=True)


@pytest.mark.parametrize(
    "text", ["5d", "0x1F", "inf", "1_000", "3+", "2024-01-01", "1,2,3", "12 5", "--5", "$5 €", ""]
)
def test_other_texts_are_no_numbers(text: str) -> None:
    for decimal in (".", ","):
        assert np.isnan(NumberFormat(decimal, currency="$").number(text))


@pytest.mark.parametrize(
    "word", ["NA", "n/a", "NULL", "None", "nan", "?", "-", "#N/A", r"\N", "Unknown"]
)
def test_null_word_is_blank_in_numbers(word: str) -> None:
    form = number_format(column("1.5", word, word, word, "2"), None)
    assert null_word(word)
    assert form is not None
    assert form == NumberFormat()
    assert np.isnan(form.read(column(word)))[0]


def test_percent_and_plain_numbers_are_not_mixed() -> None:
    form = number_format(column(*["12%"] * 97, "0.12"), None)
    assert form is not None
    assert str(form) == "percent signs"
    assert np.array_equal(form.read(column("12%", "0.12")), [12, np.nan], equal_nan=True)


@pytest.mark.parametrize(
    ("decimal", "number"), [(".", 1.234), (",", 1234.0), (None, None)], ids=["point", "comma", "?"]
)
def test_file_decides_what_a_column_leaves_open(decimal: str | None, number: float | None) -> None:
    form = number_format(column("1.234", "5"), decimal)
    assert (form and form.number("1.234")) == number


def test_ambiguous_number_is_shown() -> None:
    assert ambiguous_number(column("5", "1.234", "7")) == "1.234"
    assert ambiguous_number(column("5", "1.234", "7.5")) is None


def test_columns_of_numbers_show_the_decimal_mark() -> None:
    assert shown_decimals([column("1,5", "2"), column("a,b", "1.5.2"), column("7", "8")]) == {","}
    assert shown_decimals([column("1,5"), column("1.5")]) == {",", "."}
