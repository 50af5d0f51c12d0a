"""Columns of a flat table as numbers: learned from the training rows, then applied to others.

A column that gives away the label of every row is refused: it is the label under another name,
or was written after the outcome was known.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention_assets.errors import TableError
from retention_assets.modeling.evaluation.metrics import Evaluation
from retention_assets.modeling.examples import Floats
from retention_assets.modeling.utility import ContactUtility
from retention_assets.tabular.table import Column, FlatTable, known

READABLE_SHARE = (
    0.95  # of the values of a column that is taken for numbers; the others count as unknown
)
MAX_WORDS = 50  # more different words than this are a text or an identifier
MIN_WORD_ROWS = 20
SURE = 0.999  # a single column that ranks or says the label so well is not a feature
NO_MONEY = ContactUtility(0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Encoding:
    """`numbers`: columns read as they are. `words`: column -> its frequent words, each a 0/1
    feature. `refused`: column -> why it is no feature.
    """

    numbers: tuple[str, ...]
    words: Mapping[str, tuple[str, ...]]
    refused: Mapping[str, str]

    @property
    def features(self) -> tuple[str, ...]:
        return (
            *self.numbers,
            *(f"{column}={word}" for column, words in self.words.items() for word in words),
        )

    def apply(self, table: FlatTable) -> Floats:
        """(n, features), NaN for unknown. Raises TableError where the table lacks a column."""
        if lacking := [
            column for column in (*self.numbers, *self.words) if column not in table.columns
        ]:
            raise TableError(
                f"{table.name} lacks the columns {', '.join(lacking)}.",
                "Give both files the same columns.",
            )
        parts = [number(table.columns[column]) for column in self.numbers]
        parts += [
            says(table.columns[column], word)
            for column, words in self.words.items()
            for word in words
        ]
        return np.column_stack(parts)


def learn(columns: Mapping[str, Column], y: NDArray[np.int8]) -> Encoding:
    """Learns from the training rows which columns are numbers, words, or no features at all."""
    numbers: list[str] = []
    words: dict[str, tuple[str, ...]] = {}
    refused: dict[str, str] = {}
    for name, column in columns.items():
        if why := _useless(column):
            refused[name] = why
        elif _tells_label(column, y):
            refused[name] = (
                "tells the label of every row: it is the label under another name, "
                "or was written after it"
            )
        elif _is_number(column):
            numbers.append(name)
        elif frequent := _frequent_words(column):
            words[name] = frequent
        else:
            refused[name] = (
                f"has {len(_counts(column)):,} different words, few of them frequent: "
                "a text or an identifier"
            )
    if not numbers and not words:
        why = "; ".join(f"{name} {reason}" for name, reason in refused.items())
        raise TableError(
            f"No column is left to learn from. {why}",
            "Give columns that say something of each row.",
        )
    return Encoding(tuple(numbers), words, refused)


def number(column: Column) -> Floats:
    """Its numbers, NaN where it says none; infinity is no number."""
    values = np.asarray(pd.to_numeric(pd.Series(column), errors="coerce"), dtype=np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def says(column: Column, word: str) -> Floats:
    """1 where it says the word, else 0; NaN where it is blank."""
    return np.where(known(column), (column == word).astype(np.float64), np.nan)


def _counts(column: Column) -> Counter[str]:
    return Counter(column[known(column)].tolist())


def _useless(column: Column) -> str | None:
    counts = _counts(column)
    if not counts:
        return "has no value in any training row"
    return "is the same in every training row" if max(counts.values()) == len(column) else None


def _is_number(column: Column) -> bool:
    return bool(np.isfinite(number(column[known(column)])).mean() >= READABLE_SHARE)


def _frequent_words(column: Column) -> tuple[str, ...]:
    """Frequent words in a fixed order, without one that follows from the others."""
    counts = _counts(column)
    if len(counts) > MAX_WORDS:
        return ()
    frequent = sorted(word for word, rows in counts.items() if rows >= MIN_WORD_ROWS)
    return tuple(frequent[1:] if len(counts) == len(frequent) == 2 else frequent)


def _tells_label(column: Column, y: NDArray[np.int8]) -> bool:
    """Whether its order, one of its words, or its blanks predict the label almost perfectly."""
    rankings = [(~known(column)).astype(np.float64)]
    if _is_number(column):
        rankings.append(np.nan_to_num(number(column), nan=-np.finfo(np.float64).max))
    elif len(counts := _counts(column)) <= MAX_WORDS:
        rankings += [np.nan_to_num(says(column, word)) for word in counts]
    ranks = [np.unique(values, return_inverse=True)[1] / len(values) for values in rankings]
    return any(
        abs(Evaluation(y, rank, NO_MONEY).point()["auc"] - 0.5) >= SURE - 0.5 for rank in ranks
    )
