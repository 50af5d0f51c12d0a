"""Days of a time column. A format must fit the whole column; day and month are never guessed."""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention_assets.errors import TableError
from retention_assets.tabular.reading import Column

FIRST_YEAR = 1900
LAST_YEAR = 2100
READABLE_SHARE = 0.95  # of the cells of a feature that is taken for dates
CLOCK = r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?"
ZONE = r"(?: ?(?:Z|UTC|[-+]\d{2}(?::?\d{2})?))?"
FIX = "Write dates like 2024-03-04, or leave --time out."


@dataclass(frozen=True)
class DateFormat:
    """`title` as a reader says it; `pattern` of a cell; `strptime` of its date, None for ISO."""

    title: str
    pattern: re.Pattern[str]
    strptime: str | None


def _row(title: str, pattern: str, strptime: str | None) -> DateFormat:
    return DateFormat(title, re.compile(pattern), strptime)


NUMBERS = r"\d{1,2}([./-])\d{1,2}\1\d{4}"
FORMATS = (
    _row("yyyy-mm-dd", rf"\d{{4}}-\d{{2}}-\d{{2}}{CLOCK}{ZONE}", None),
    _row("yyyy/mm/dd", rf"\d{{4}}/\d{{1,2}}/\d{{1,2}}{CLOCK}", "%Y/%m/%d"),
    _row("yyyymmdd", r"\d{8}", "%Y%m%d"),
    _row("yyyymm", r"\d{6}", "%Y%m"),
    _row("yyyy-mm", r"\d{4}-\d{2}", "%Y/%m"),
    _row("dd/mm/yyyy", rf"{NUMBERS}{CLOCK}", "%d/%m/%Y"),
    _row("mm/dd/yyyy", rf"{NUMBERS}{CLOCK}", "%m/%d/%Y"),
    _row("yymmdd", r"\d{6}", "%y%m%d"),
)


def read_days(
    table: str, name: str, column: Column, form: DateFormat | None = None
) -> tuple[NDArray[np.datetime64], DateFormat]:
    """UTC days, and the format that they are written in. `form`: that of the first file.

    Raises TableError where no format, or more than one, fits all cells.
    """
    fitting: list[tuple[NDArray[np.datetime64], DateFormat]] = []
    worst = str(column[0])
    longest = -1
    for item in (form,) if form else FORMATS:
        days = _days(column, item)
        unread = np.flatnonzero(np.isnat(days))
        if not len(unread):
            fitting.append((days, item))
        elif unread[0] > longest:
            longest = int(unread[0])
            worst = str(column[longest])
    if not fitting:
        raise TableError(f"{table}: {name} {worst} is no date{_as_in_first(form)}.", FIX)
    if len({days.tobytes() for days, _ in fitting}) > 1:
        titles = " or ".join(item.title for _, item in fitting)
        raise TableError(
            f"{table}: {name} may be {titles}, for example {column[0]}; no row tells which.", FIX
        )
    if fitting[0][1].title == "yymmdd":
        raise TableError(f"{table}: {name} {column[0]} has a year of two digits.", FIX)
    return fitting[0]


def date_formats(column: Column) -> list[DateFormat]:
    """Of the formats that fit nearly all known cells, those that fit most, with different days
    each. Bare numbers are no dates here.
    """
    texts = {text for text in column if text is not None}
    if not texts or sum(map(looks_like_date, texts)) < READABLE_SHARE * len(texts):
        return []
    read = {form.title: known_days(column, form) for form in FORMATS}
    fitting = {title: int((~np.isnat(days)).sum()) for title, days in read.items()}
    most = max(fitting.values())
    if most < READABLE_SHARE * sum(text is not None for text in column):
        return []
    best = {read[form.title].tobytes(): form for form in FORMATS if fitting[form.title] == most}
    return list(best.values())


def known_days(column: Column, form: DateFormat) -> NDArray[np.datetime64]:
    """NaT where a cell is blank or not in this format."""
    cells = np.array(["" if text is None else text for text in column], dtype=object)
    return _days(cells, form)


def looks_like_date(text: str) -> bool:
    """Whether a text has the separators of a date; bare numbers do not count."""
    return not text.isdigit() and any(item.pattern.fullmatch(text) for item in FORMATS)


def _as_in_first(form: DateFormat | None) -> str:
    return f" of the form {form.title}, which the first file has" if form else ""


def _days(column: Column, form: DateFormat) -> NDArray[np.datetime64]:
    """NaT where a cell is not in this format or its year is implausible."""
    texts = [text if form.pattern.fullmatch(text) else None for text in column]
    if form.strptime is None:
        iso = [None if text is None else re.sub(" ?UTC$", "Z", text) for text in texts]
        moments = pd.to_datetime(pd.Series(iso), errors="coerce", utc=True, format="ISO8601")
        days = moments.dt.tz_localize(None).to_numpy().astype("datetime64[D]")
    else:
        dates = [None if text is None else _date_part(text) for text in texts]
        moments = pd.to_datetime(pd.Series(dates), errors="coerce", format=form.strptime)
        days = moments.to_numpy().astype("datetime64[D]")
    years = days.astype("datetime64[Y]").astype(int) + 1970
    plausible = (years >= FIRST_YEAR) & (years <= LAST_YEAR)
    return np.where(plausible, days, np.datetime64("NaT", "D"))


def _date_part(text: str) -> str:
    return re.sub(r"[.-]", "/", re.split(r"[T ]", text)[0])
