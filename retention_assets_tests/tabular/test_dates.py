"""Days are read where one format fits the whole column; day and month are never guessed."""

import numpy as np
import pytest

from retention_assets.errors import TableError
from retention_assets.tabular.dates import looks_like_date, read_days


def column(*cells: str) -> np.ndarray:
    return np.array(cells, dtype=object)


@pytest.mark.parametrize(
    ("cells", "days", "title"),
    [
        (["2024-03-04", "2024-03-05T10:00:00Z"], ["2024-03-04", "2024-03-05"], "yyyy-mm-dd"),
        (["2023-09-30T23:30:00-05:00"], ["2023-10-01"], "yyyy-mm-dd"),
        (["2023-09-30 23:30:00 UTC", "2023-09-30 01:00:00+00"], ["2023-09-30"] * 2, "yyyy-mm-dd"),
        (["30/09/2023", "03/01/2023"], ["2023-09-30", "2023-01-03"], "dd/mm/yyyy"),
        (["30.09.2023 10:00", "3.1.2023 7:00"], ["2023-09-30", "2023-01-03"], "dd/mm/yyyy"),
        (["09/30/2023", "01/03/2023"], ["2023-09-30", "2023-01-03"], "mm/dd/yyyy"),
        (["05/05/2023"], ["2023-05-05"], "dd/mm/yyyy"),
        (["202309", "202401"], ["2023-09-01", "2024-01-01"], "yyyymm"),
        (["20230930"], ["2023-09-30"], "yyyymmdd"),
        (["2023-09"], ["2023-09-01"], "yyyy-mm"),
        (["2023/9/30"], ["2023-09-30"], "yyyy/mm/dd"),
    ],
)
def test_whole_column_has_one_format(cells: list[str], days: list[str], title: str) -> None:
    result, form = read_days("t.csv", "when", column(*cells))
    assert result.tolist() == np.array(days, dtype="datetime64[D]").tolist()
    assert form.title == title


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["03/04/2024", "05/06/2024"], "may be dd/mm/yyyy or mm/dd/yyyy, for example 03/04/2024"),
        (["201209", "201210"], "may be yyyymm or yymmdd"),
        (["30/09/2023", "09/30/2023"], "when .* is no date"),
        (["2024-03-04", "last May"], "when last May is no date"),
        (["45294"], "when 45294 is no date"),
        (["1704272400000"], "is no date"),
        (["2024"], "is no date"),
        (["10:30"], "is no date"),
        (["2024-02-30"], "is no date"),
        (["9999-12-31"], "is no date"),
        (["231299"], "is no date"),
        (["240131"], "year of two digits"),
    ],
)
def test_other_texts_are_no_days(cells: list[str], message: str) -> None:
    with pytest.raises(TableError, match=message):
        read_days("t.csv", "when", column(*cells))


def test_second_file_has_the_format_of_the_first() -> None:
    _, form = read_days("a.csv", "when", column("30/09/2023"))
    days, _ = read_days("b.csv", "when", column("03/04/2024"), form)
    assert days.tolist() == [np.datetime64("2024-04-03").item()]
    with pytest.raises(TableError, match="of the form dd/mm/yyyy, which the first file has"):
        read_days("b.csv", "when", column("2024-04-03"), form)


def test_dates_are_told_from_numbers() -> None:
    assert looks_like_date("2024-03-04") and looks_like_date("3.4.2024")
    assert not looks_like_date("20240304") and not looks_like_date("7.5")
