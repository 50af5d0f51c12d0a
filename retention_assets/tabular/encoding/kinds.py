"""Kinds of columns whose encoding needs no label: numbers, days, and categories of few words.

Each kind is learned from training rows by learning.py, and gives features of any rows here.
"""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retention_assets.errors import TableError
from retention_assets.modeling.examples import Bools, Floats
from retention_assets.tabular.cells import NumberFormat, null_word
from retention_assets.tabular.dates import DateFormat, known_days
from retention_assets.tabular.reading import Column, known

EPOCH = np.datetime64("1970-01-01", "D")


@dataclass(frozen=True)
class Cells:
    """One column of some rows. `as_of`: their days; None: they have none. `learned_from`: rows that
    the column's encoding was learned from; None: none of these. `place` says which file.
    """

    column: Column
    identifiers: NDArray[np.str_]
    as_of: NDArray[np.datetime64] | None = None
    learned_from: Bools | None = None
    place: str = ""


class Kind(Protocol):
    """How one column becomes features."""

    def features(self, column: str) -> tuple[str, ...]:
        """Names of the features of the column of this name."""
        ...

    def matrix(self, cells: Cells) -> Floats:
        """(n, features), NaN for unknown."""
        ...


@dataclass(frozen=True)
class Numbers:
    """A column of numbers in one format: one feature."""

    form: NumberFormat

    def features(self, column: str) -> tuple[str, ...]:
        return (column,)

    def matrix(self, cells: Cells) -> Floats:
        """Raises TableError where the rows write their numbers in another way."""
        values = self.form.read(cells.column)
        texts = unread(cells.column, self.form)
        if texts and not np.isfinite(values).any():
            written = str(self.form) or "plain numbers"
            raise TableError(
                f"{cells.place} is never a number as in the training rows ({written}), "
                f"for example {texts[0]}.",
                "Write the numbers of both files in the same way.",
            )
        return values[:, None]


@dataclass(frozen=True)
class Days:
    """A column of dates: one feature. `before_as_of`: days from then to the row's own day, which
    mean the same at any time; else days since 1970.
    """

    form: DateFormat
    before_as_of: bool

    def features(self, column: str) -> tuple[str, ...]:
        return (f"{column} (days before)" if self.before_as_of else f"{column} (days)",)

    def matrix(self, cells: Cells) -> Floats:
        """Raises TableError where rows need a day of their own and have none."""
        days = known_days(cells.column, self.form)
        if not self.before_as_of:
            return day_numbers(days)[:, None]
        if cells.as_of is None:
            raise TableError(
                f"{cells.place} is a date before the row's own day, and the rows have none.",
                "Give both files the column of --time.",
            )
        return (day_numbers(cells.as_of) - day_numbers(days))[:, None]


@dataclass(frozen=True)
class Words:
    """A category: a 0/1 feature for each of its frequent words. `vocabulary`: every word of the
    training rows, which no feature depends on.
    """

    frequent: tuple[str, ...]
    vocabulary: frozenset[str] = field(compare=False)

    def features(self, column: str) -> tuple[str, ...]:
        return tuple(f"{column}={word}" for word in self.frequent)

    def matrix(self, cells: Cells) -> Floats:
        return np.column_stack([says(cells.column, word) for word in self.frequent])


def says(column: Column, word: str) -> Floats:
    """1 where it says the word, else 0; NaN where it is blank."""
    return np.where(known(column), (column == word).astype(np.float64), np.nan)


def unread(column: Column, form: NumberFormat) -> list[str]:
    """Cells that are neither numbers nor blank."""
    unknown = column[known(column) & np.isnan(form.read(column))]
    return [text for text in unknown.tolist() if not null_word(text)]


def day_numbers(days: NDArray[np.datetime64]) -> Floats:
    """Days since 1970; NaN for no day."""
    numbers = (days.astype("datetime64[D]") - EPOCH).astype(np.float64)
    return np.where(np.isnat(days), np.nan, numbers)
