"""Columns of a flat table as numbers: learned from the training rows, then applied to others.

What a single cell means is in cells.py; which columns know the label is in leaks.py.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from retention_assets.errors import TableError
from retention_assets.modeling.examples import Floats
from retention_assets.tabular.cells import (
    NumberFormat,
    ambiguous_number,
    null_word,
    null_words,
    number_format,
)
from retention_assets.tabular.dates import looks_like_date
from retention_assets.tabular.leaks import MIN_WORD_ROWS, leak, separation, suspicion
from retention_assets.tabular.reading import Column, known, text_counts
from retention_assets.tabular.table import FlatTable

MAX_WORDS = 50  # more different words than this are a text or an identifier
MIXED_SHARE = 0.5  # from which on an error speaks of numbers among which others stand


@dataclass(frozen=True)
class Encoding:
    """`numbers`: column -> how its numbers are written. `words`: column -> its frequent words,
    each a 0/1 feature. `refused`: column -> why it is no feature. `suspects`: feature columns
    that may have been written after the event, and why. `vocabulary`: every word of the training
    rows.
    """

    numbers: Mapping[str, NumberFormat]
    words: Mapping[str, tuple[str, ...]]
    refused: Mapping[str, str]
    suspects: Mapping[str, str] = field(default_factory=dict)
    vocabulary: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def features(self) -> tuple[str, ...]:
        return (
            *self.numbers,
            *(f"{column}={word}" for column, words in self.words.items() for word in words),
        )

    def apply(self, table: FlatTable) -> Floats:
        """(n, features), NaN for unknown. Raises TableError where the table lacks a column, or
        writes its numbers in another way than the training rows.
        """
        if lacking := [
            column for column in (*self.numbers, *self.words) if column not in table.columns
        ]:
            raise TableError(
                f"{table.name} lacks the columns {', '.join(lacking)}.",
                "Give both files the same columns.",
            )
        parts = [self._numbers(table, column) for column in self.numbers]
        parts += [
            says(table.columns[column], word)
            for column, words in self.words.items()
            for word in words
        ]
        return np.column_stack(parts)

    def unread(self, table: FlatTable) -> dict[str, list[str]]:
        """Cells of number columns that are neither numbers nor blank, by column."""
        cells = {name: _unread(table.columns[name], form) for name, form in self.numbers.items()}
        return {name: texts for name, texts in cells.items() if texts}

    def null_words(self, table: FlatTable) -> dict[str, int]:
        """Cells of number columns that say NA, NULL, ? or the like, and count as blank."""
        counts = {name: int(null_words(table.columns[name]).sum()) for name in self.numbers}
        return {name: count for name, count in counts.items() if count}

    def new_words(self, table: FlatTable) -> dict[str, int]:
        """Cells of word columns with a word that no training row has, by column."""
        counts = {
            name: sum(
                rows for word, rows in text_counts(table.columns[name]).items() if word not in words
            )
            for name, words in self.vocabulary.items()
        }
        return {name: count for name, count in counts.items() if count}

    def _numbers(self, table: FlatTable, name: str) -> Floats:
        column = table.columns[name]
        values = self.numbers[name].read(column)
        unread = _unread(column, self.numbers[name])
        if unread and not np.isfinite(values).any():
            written = str(self.numbers[name]) or "plain numbers"
            raise TableError(
                f"{table.name}: no value of {name} is a number as in the training rows "
                f"({written}), for example {unread[0]}.",
                "Write the numbers of both files in the same way.",
            )
        return values


def learn(
    columns: Mapping[str, Column], y: NDArray[np.int8], decimal: str | None = "."
) -> Encoding:
    """Learns from the training rows which columns are numbers, words, or no features at all.

    `decimal`: the file's decimal mark, None if nothing shows it.
    """
    numbers: dict[str, NumberFormat] = {}
    words: dict[str, tuple[str, ...]] = {}
    refused: dict[str, str] = {}
    suspects: dict[str, str] = {}
    for name, column in columns.items():
        form = _number_format(column, decimal)
        if reason := _useless(column):
            refused[name] = reason
            continue
        auc = separation(column, form, y)
        if reason := leak(column, form, y, auc=auc):
            refused[name] = reason
            continue
        if form is not None:
            numbers[name] = form
        elif reason := _no_words(column, decimal):
            refused[name] = reason
            continue
        else:
            words[name] = _frequent_words(column)
        if reason := suspicion(column, form, y, auc=auc):
            suspects[name] = reason
    if not numbers and not words:
        why = "; ".join(f"{name} {reason}" for name, reason in refused.items())
        raise TableError(
            f"No column is left to learn from. {why}",
            "Give columns that say something of each row.",
        )
    vocabulary = {name: frozenset(text_counts(columns[name])) for name in words}
    return Encoding(numbers, words, refused, suspects, vocabulary)


def says(column: Column, word: str) -> Floats:
    """1 where it says the word, else 0; NaN where it is blank."""
    return np.where(known(column), (column == word).astype(np.float64), np.nan)


def _unread(column: Column, form: NumberFormat) -> list[str]:
    unknown = column[known(column) & np.isnan(form.read(column))]
    return [text for text in unknown.tolist() if not null_word(text)]


def _number_format(column: Column, decimal: str | None) -> NumberFormat | None:
    """None also where few values occur and a frequent one is no number: 3+ is a category."""
    form = number_format(column, decimal)
    if form is None or len(text_counts(column)) > MAX_WORDS:
        return form
    frequent = any(rows >= MIN_WORD_ROWS for rows in Counter(_unread(column, form)).values())
    return None if frequent else form


def _useless(column: Column) -> str | None:
    counts = text_counts(column)
    if not counts:
        return "has no value in any training row"
    return "is the same in every training row" if max(counts.values()) == len(column) else None


def _no_words(column: Column, decimal: str | None) -> str | None:
    """Why a column that is no numbers is no category either, or None."""
    if decimal is None and (cell := ambiguous_number(column)):
        return f"may be read in two ways: {cell} with a decimal point or comma (--decimal says it)"
    if _frequent_words(column):
        return None
    counts = text_counts(column)
    if form := number_format(column, decimal, share=MIXED_SHARE):
        unread = _unread(column, form)
        return (
            f"has {len(unread):,} values that are not written as its numbers, such as {unread[0]}"
        )
    if all(map(looks_like_date, counts)):
        return "holds dates: give the days since then as a number"
    return f"has {len(counts):,} different words, few of them frequent: a text or an identifier"


def _frequent_words(column: Column) -> tuple[str, ...]:
    """Frequent words in a fixed order, without one that follows from the others."""
    counts = text_counts(column)
    if len(counts) > MAX_WORDS:
        return ()
    frequent = sorted(word for word, rows in counts.items() if rows >= MIN_WORD_ROWS)
    return tuple(frequent[1:] if len(counts) == len(frequent) == 2 else frequent)
