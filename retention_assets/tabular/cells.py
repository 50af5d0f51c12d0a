"""Text cells as numbers: null words, decimal and thousands marks, currency, percent, parentheses.

A column has one format, learned from the training rows and used for every other file as well.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from retention_assets.modeling.examples import Floats
from retention_assets.tabular.reading import Column, text_counts

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
# Plain numbers that a decimal comma cannot read as others.
UNMISTAKABLE = re.compile(
    r"[-+]?(?:\d+|\d*\.(?:\d{1,2}|\d{4,})|0*\.\d+|\d{4,}\.\d+)(?:[eE][-+]?\d+)?", re.ASCII
)
POINT_OR_GROUP = re.compile(r"[-+]?[1-9]\d{0,2}\.\d{3}", re.ASCII)
PLAIN = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)


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
        if self.decimal == "." and not self.percent and PLAIN.fullmatch(text):
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
        return math.isfinite(self.values[decimal])

    @property
    def ambiguous(self) -> bool:
        return self.shows(".") and self.shows(",") and self.values["."] != self.values[","]


class _Numbers:
    """What the cells of a column show of its format. Plain numbers, the most, are not taken apart.

    `plain`: rows of plain numbers; `point`: those that only a decimal point reads; `parts`: other
    numbers and their rows; `ambiguous`: a cell that point and comma read as two numbers.
    """

    def __init__(self, column: Column) -> None:
        self.counts = value_counts(column)
        self.plain = 0
        self.point = 0
        self.parts: list[tuple[_Parts, int]] = []
        self.ambiguous: str | None = None
        for text, rows in self.counts.items():
            if UNMISTAKABLE.fullmatch(text):
                self.plain += rows
                self.point += rows if "." in text else 0
            elif POINT_OR_GROUP.fullmatch(text):
                self.plain += rows
                self.ambiguous = text
            elif (part := _parts(text)) is not None:
                self.parts.append((part, rows))
                self.ambiguous = text if part.ambiguous else self.ambiguous

    @property
    def sufficient(self) -> bool:
        readable = self.plain + sum(rows for _, rows in self.parts)
        return bool(self.counts) and readable >= READABLE_SHARE * self.counts.total()

    @property
    def decimal(self) -> str | None:
        """The mark that more cells need: those that the other mark cannot read."""
        point = sum(n for part, n in self.parts if part.shows(".") and not part.shows(","))
        comma = sum(n for part, n in self.parts if part.shows(",") and not part.shows("."))
        point += self.point
        return None if point == comma else "." if point > comma else ","


def null_word(text: str) -> bool:
    return text.casefold() in NULL_WORDS


def null_words(column: Column) -> NDArray[np.bool_]:
    return np.array([cell is not None and null_word(cell) for cell in column], dtype=bool)


def value_counts(column: Column) -> Counter[str]:
    """Rows of each text that is neither blank nor a null word."""
    counts = text_counts(column)
    return Counter({text: rows for text, rows in counts.items() if not null_word(text)})


def number_format(
    column: Column, decimal: str | None, share: float = READABLE_SHARE
) -> NumberFormat | None:
    """The format that reads most cells. `decimal`: the file's mark, for cells that fit both;
    `share`: of the values that it must read.

    None: too few cells are numbers, or 1.234 may be a thousand as well and nothing tells.
    """
    numbers = _Numbers(column)
    mark = numbers.decimal or (decimal if numbers.ambiguous else ".")
    if mark is None or not numbers.counts:
        return None
    percent = Counter({False: numbers.plain})
    currencies = Counter[str]()
    for part, rows in numbers.parts:
        percent[part.percent] += rows
        currencies[part.currency] += rows
    del currencies[""]
    result = NumberFormat(
        decimal=mark,
        grouped=any(part.grouped[mark] for part, _ in numbers.parts)
        or (mark == "," and any(map(POINT_OR_GROUP.fullmatch, numbers.counts))),
        percent=percent[True] > percent[False],
        currency=currencies.most_common(1)[0][0] if currencies else "",
    )
    readable = sum(n for text, n in numbers.counts.items() if math.isfinite(result.number(text)))
    return result if readable >= share * numbers.counts.total() else None


def ambiguous_number(column: Column) -> str | None:
    """A cell like 1.234 of a column of numbers that a decimal point and a comma would both read."""
    numbers = _Numbers(column)
    return numbers.ambiguous if numbers.sufficient and numbers.decimal is None else None


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
    if not any(map(math.isfinite, values.values())):
        return None
    currency = (match["before"] or match["after"]).upper()
    return _Parts(values, grouped, bool(match["percent"]), currency)


def _finite(number: float) -> float:
    return number if math.isfinite(number) else math.nan
