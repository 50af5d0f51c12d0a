"""Delimited text becomes records of one length; a line that does not fit is named."""

import pytest

from retention_assets.errors import TableError
from retention_assets.tabular.delimited import split_records

EXPECTED = ("id", "left")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_detected(delimiter: str) -> None:
    text = delimiter.join(("id", "spend", "left")) + "\n" + delimiter.join(("a", "7", "1"))
    assert split_records("t.csv", text, EXPECTED) == (
        delimiter,
        ["id", "spend", "left"],
        [["a", "7", "1"]],
    )


def test_decimal_commas_are_no_delimiters() -> None:
    text = "id;left;x, in EUR;y, in EUR\na;1;3,5;4,5\nb;0;1,5;2,5\n"
    assert split_records("t.csv", text, EXPECTED)[0] == ";"


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("id,left\r\na,1\r\n", [["a", "1"]]),
        ("id,left\ra,1\r", [["a", "1"]]),
        ('id,left\n"a\nb",1\n', [["a\nb", "1"]]),
        ('id,left\n"a ""b""", "1"\n', [['a "b"', "1"]]),
        ("id,left\na,1,\nb,0,\n", [["a", "1"], ["b", "0"]]),
        ("id,left,\na,1\nb,0,\n", [["a", "1", ""], ["b", "0", ""]]),
        ("id,left\na,1\n\n,\n", [["a", "1"]]),
        ("sep=;\nid;left\na;1\n", [["a", "1"]]),
        ('id,left\n5" disk,1\n', [['5" disk', "1"]]),
    ],
    ids=[
        "CRLF",
        "CR",
        "quoted line break",
        "doubled quotes",
        "delimiter at line ends",
        "delimiter at the header's end",
        "blank lines",
        "hint for Excel",
        "quote within a text",
    ],
)
def test_records_have_the_fields_of_the_header(text: str, rows: list[list[str]]) -> None:
    assert split_records("t.csv", text, EXPECTED)[2] == rows


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,left\na,1\nb,1,234\n", r"line 3: 3 fields, but the header has 2 \(delimiter ','\)"),
        ('id,left\n"a\nb",1\nc\n', "line 4: 1 fields"),
        ("sep=,\nid,left\na\n", "line 3: 1 fields"),
        ('id,left\na,1\n"b,0\nc,1\n', "line 3: the quotes do not match"),
        ("id,left\na,1\nid,left\nb,0\n", "line 3 repeats the header"),
        ("Customers of 2024\nid,left\na,1\n", "line 2.*Remove the lines before the header"),
    ],
    ids=[
        "more",
        "fewer, after a quoted line break",
        "after the hint",
        "open quote",
        "second header",
        "title",
    ],
)
def test_line_that_does_not_fit_is_named(text: str, message: str) -> None:
    with pytest.raises(TableError, match=message):
        split_records("t.csv", text, EXPECTED)


def test_stated_delimiter_is_used() -> None:
    assert split_records("t.csv", "id:left\na:1\n", EXPECTED, ":")[2] == [["a", "1"]]
    assert split_records("t.csv", "id\tleft\na\t1\n", EXPECTED, "tab")[2] == [["a", "1"]]
    with pytest.raises(TableError, match="is not one character"):
        split_records("t.csv", "id,left\n", EXPECTED, "::")
