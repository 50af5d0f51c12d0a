"""Text cells as numbers: null words, decimal and thousands marks, currency, percent, parentheses.

A column has one format, learned from the training rows and used for every other file as well.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from retention_assets.modeling.examples import Floats
from retention_assets.tabular.reading import Column, known

NULL_WORDS = frozenset(
    ("na", "n/a", "n.a.", "n.a", "#n/a", "#na", "<na>", "nan", "#nan", "-nan", "null", "(null)",
     "<null>", "\\n", "none", "nil", "nat", "?", "-", "--", "---", ".", "..", "\u2013", "\u2014",
     "#null!", "#div/0!", "#value!", "#ref!", "#name?", "#num!", "[null]", "<none>", "(blank)",
     "missing", "unknown", "undefined", "not available")
)  # fmt: skip
READABLE_SHARE = 0.95  # of the values of a column that is taken for numbers
BLANKS = " \u00a0\u202f\u2009"
APOSTROPHES = "'\u2019"
GROUPS = {".": f",{APOSTROPHES}{BLANKS}", ",": f".{APOSTROPHES}{BLANKS}"}  # by decimal mark
MINUS = "-\u2212"
CURRENCY = (
    r"(?:(?:US|CA|AU|NZ|HK|R|A|C|NT|S)?\$|[€£¥₹₽₺₩₪฿₫₴₦₱]|EUR|USD|GBP|CHF|JPY|CNY|INR|SEK|NOK|DKK"
    r"|PLN|CZK|HUF|BRL|CAD|AUD|NZD|MXN|ZAR|TRY|RUB|Fr\.|kr\.?|zł|Kč|Rs\.?)"
)
CELL = re.compile(
    rf"(?P<sign>[{MINUS}+]?)\s*(?P<before>{CURRENCY}?)\s*(?P<inner>[{MINUS}+]?)\s*"
    rf"(?P<digits>[\d.,{APOSTROPHES}{BLANKS}]*\d[.,]?(?:[eE][-+]?\d+)?)"
    rf"\s*(?P<percent>%?)\s*(?P<after>{CURRENCY}?)(?P<trailing>-?)",
    re.IGNORECASE,
)
# Plain numbers that a decimal comma cannot read otherwise; most columns have no others.
UNMISTAKABLE = re.compile(
    r"[-+]?(?:\d+|\d*\.(?:\d{1,2}|\d{4,})|0*\.\d+|\d{4,}\.\d+)(?:[eE][-+]?\d+)?", re.ASCII
)


def _digits(decimal: str) -> re.Pattern[str]:
    """Digits with this decimal mark. A group of three needs a first group without leading zero."""
    mark = re.escape(decimal)
    same = rf"[1-9]\d{{0,2}}(?P<mark>[{GROUPS[decimal]}])\d{{3}}(?:(?P=mark)\d{{3}})*"
    lakh = r"|[1-9]\d?(?:,\d{2})+,\d{3}" if decimal == "." else ""
    return re.compile(rf"(?:(?:{same}{lakh}|\d+)(?:{mark}\d*)?|{mark}\d+)(?:[eE][-+]?\d+)?")


DIGITS = {decimal: _digits(decimal) for decimal in GROUPS}


@dataclass(frozen=True)
class NumberFormat:
    """How a column writes its numbers. `currency`: the sign that its cells may have."""

    decimal: str = "."
    grouped: bool = False
    percent: bool = False
    currency: str = ""

    def __str__(self) -> str:
        """Empty for plain numbers with a decimal point."""
        parts = [
            "decimal comma" if self.decimal == "," else "",
            "thousands marks" if self.grouped else "",
            "percent signs" if self.percent else "",
            f"currency {self.currency}" if self.currency else "",
        ]
        return ", ".join(part for part in parts if part)

    def read(self, column: Column) -> Floats:
        """Its numbers, NaN where a cell is blank, a null word or not in this format."""
        numbers = {text: self.number(text) for text in set(column.tolist()) if text is not None}
        return np.array([numbers.get(text, np.nan) for text in column], dtype=np.float64)

    def number(self, text: str) -> float:
        """NaN for a text in another format. 5% is 5; (12) is -12."""
        if self.decimal == "." and not self.percent and UNMISTAKABLE.fullmatch(text):
            return _finite(float(text))
        parts = _parts(text)
        if parts is None or parts.percent != self.percent:
            return np.nan
        return parts.values[self.decimal] if parts.currency in ("", self.currency) else np.nan


@dataclass(frozen=True)
class _Parts:
    """`values`: what the digits mean with either decimal mark; NaN: nothing."""

    values: dict[str, float]
    grouped: dict[str, bool]
    percent: bool
    currency: str

    def shows(self, decimal: str) -> bool:
        return bool(np.isfinite(self.values[decimal]))

    @property
    def ambiguous(self) -> bool:
        return self.shows(".") and self.shows(",") and self.values["."] != self.values[","]


class _Numbers:
    """The cells of a column that are numbers with any decimal mark, and how many say the same."""

    def __init__(self, column: Column) -> None:
        self.counts = value_counts(column)
        self.plain = bool(self.counts) and all(map(UNMISTAKABLE.fullmatch, self.counts))
        self.rows: list[tuple[_Parts, int]] = []
        if not self.plain:
            texts = self.counts.items()
            self.rows = [(part, n) for text, n in texts if (part := _parts(text)) is not None]

    @property
    def sufficient(self) -> bool:
        rows = sum(n for _, n in self.rows)
        return self.plain or 0 < READABLE_SHARE * self.counts.total() <= rows

    @property
    def decimal(self) -> str | None:
        """The mark that more cells need: those that the other mark cannot read."""
        if self.plain:
            return "." if any("." in text for text in self.counts) else None
        point = sum(n for part, n in self.rows if part.shows(".") and not part.shows(","))
        comma = sum(n for part, n in self.rows if part.shows(",") and not part.shows("."))
        return None if point == comma else "." if point > comma else ","

    @property
    def ambiguous(self) -> bool:
        return any(part.ambiguous for part, _ in self.rows)


def null_word(text: str) -> bool:
    return text.casefold() in NULL_WORDS


def null_words(column: Column) -> NDArray[np.bool_]:
    return np.array([cell is not None and null_word(cell) for cell in column], dtype=bool)


def value_counts(column: Column) -> Counter[str]:
    """Rows of each text that is neither blank nor a null word."""
    return Counter(text for text in column[known(column)].tolist() if not null_word(text))


def number_format(column: Column, decimal: str | None) -> NumberFormat | None:
    """The format that reads most cells. `decimal`: the file's mark, for cells that fit both.

    None: too few cells are numbers, or 1.234 may be a thousand as well and nothing tells.
    """
    numbers = _Numbers(column)
    if numbers.plain:
        return NumberFormat()
    mark = numbers.decimal or (decimal if numbers.ambiguous else ".")
    if mark is None or not numbers.sufficient:
        return None
    percent = Counter[bool]()
    currencies = Counter[str]()
    for part, rows in numbers.rows:
        percent[part.percent] += rows
        currencies[part.currency] += rows
    del currencies[""]
    result = NumberFormat(
        decimal=mark,
        grouped=any(part.grouped[mark] for part, _ in numbers.rows),
        percent=percent[True] > percent[False],
        currency=currencies.most_common(1)[0][0] if currencies else "",
    )
    readable = sum(n for text, n in numbers.counts.items() if np.isfinite(result.number(text)))
    return result if readable >= READABLE_SHARE * numbers.counts.total() else None


def ambiguous_number(column: Column) -> str | None:
    """A cell like 1.234 of a column of numbers that a decimal point and a comma would both read."""
    numbers = _Numbers(column)
    if not numbers.sufficient or numbers.decimal or not numbers.ambiguous:
        return None
    return next(text for text in numbers.counts if (part := _parts(text)) and part.ambiguous)


def shown_decimals(columns: Iterable[Column]) -> set[str]:
    """The decimal marks that columns of numbers cannot do without."""
    numbers = map(_Numbers, columns)
    return {mark for item in numbers if item.sufficient and (mark := item.decimal)}


@lru_cache(maxsize=100_000)
def _parts(text: str) -> _Parts | None:
    in_parentheses = text.startswith("(") and text.endswith(")")
    match = CELL.fullmatch(text[1:-1].strip() if in_parentheses else text)
    if match is None or (match["before"] and match["after"]):
        return None
    signs = match["sign"] + match["inner"] + match["trailing"]
    if len(signs) + in_parentheses > 1:
        return None
    factor = -1.0 if in_parentheses or (signs and signs in MINUS) else 1.0
    values = {}
    grouped = {}
    for decimal, pattern in DIGITS.items():
        fits = pattern.fullmatch(match["digits"]) is not None
        digits = re.sub(f"[{GROUPS[decimal]}]", "", match["digits"])
        values[decimal] = _finite(factor * float(digits.replace(decimal, "."))) if fits else np.nan
        grouped[decimal] = fits and len(digits) < len(match["digits"])
    if not any(map(np.isfinite, values.values())):
        return None
    currency = (match["before"] or match["after"]).upper()
    return _Parts(values, grouped, bool(match["percent"]), currency)


def _finite(number: float) -> float:
    return number if np.isfinite(number) else np.nan
