"""Columns that know the label: counters, the label under another name, facts from after the event.

Sure cases are refused; a column that nearly separates the label, or may identify a row, is only
reported.
"""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from retention_assets.modeling.evaluation.metrics import Evaluation
from retention_assets.modeling.examples import Floats
from retention_assets.modeling.utility import ContactUtility
from retention_assets.tabular.cells import null_words
from retention_assets.tabular.encoding.texts import Texts
from retention_assets.tabular.reading import Column, known, text_counts

SURE = 0.999  # a single column that ranks or says the label so well is not a feature
SUSPECT = 0.95  # so good alone that it may have been written after the event
CHANCE = 1e-9  # of an innocent column to be filled for leavers only
MIN_WORD_ROWS = 20
MIN_COUNTED = 50  # fewer numbers may all differ by chance
MAX_VALUES = 50  # of a column of numbers whose values are looked at one by one
LEAST_LONG_NUMBER = 1_000_000
DENSE = 2.5  # a counter's range, in rows: the training rows are about 80 % of all
NO_MONEY = ContactUtility(0.0, 0.0, 0.0, 1.0)
COUNTER = "numbers the rows: it is the order of the file or an identifier, not a fact about a row"
TELLS = "tells the label of every row: it is the label under another name, or was written after it"
FILLED = "is filled for rows with the label only: it was written after the event"


def leak(
    column: Column, order: Floats | None, y: NDArray[np.int8], *, auc: float, numbers: bool
) -> str | None:
    """Why the column must not be a feature, or None. `order`: its cells as numbers, if they are
    numbers or dates; `numbers`: whether they are the former; `auc`: its separation.
    """
    if order is not None and numbers and _counts_rows(order):
        return COUNTER
    if auc >= SURE:
        return TELLS
    filled = known(column) & ~null_words(column) if order is None else np.isfinite(order)
    return FILLED if _only_positive(filled, y) else None


def suspicion(
    column: Column, order: Floats | None, y: NDArray[np.int8], *, auc: float
) -> str | None:
    """What makes a feature look like an identifier or written after the event, or None."""
    if auc > SUSPECT:
        return (
            f"alone separates the label with an AUC of {auc:.2f}: "
            "check that it was known before the event"
        )
    if order is not None and _looks_like_identifier(order):
        return (
            "is another whole number of seven digits or more in each row: "
            "check that it is no identifier"
        )
    for word, rows in text_counts(column).items():
        if order is None and rows >= MIN_WORD_ROWS and _only_positive(column == word, y):
            return f"is {word} for rows with the label only: check that it was known before"
    return None


def separation(column: Column, order: Floats | None, y: NDArray[np.int8]) -> float:
    """The best AUC of its order, its frequent values, or its blanks alone; between 0.5 and 1."""
    rankings: list[Floats] = []
    if order is not None:
        rankings.append(np.nan_to_num(order, nan=-np.finfo(np.float64).max))
        rankings.append(np.isnan(order).astype(np.float64))
    if order is None or len(set(column.tolist())) <= MAX_VALUES:
        rankings.append(_positive_share(column, y))
    ranks = [np.unique(values, return_inverse=True)[1] / len(values) for values in rankings]
    areas = [Evaluation(y, rank, NO_MONEY).point()["auc"] for rank in ranks]
    return max(0.5 + abs(area - 0.5) for area in areas)


def later_than_row(days: Floats) -> str | None:
    """What makes dates look as if they were written after the event, or None. `days`: from each to
    its row's own day.
    """
    later = int((days < 0).sum())
    if later < MIN_WORD_ROWS:
        return None
    return f"is after the row's own day in {later:,} rows: check that it was known on that day"


def only_positive_term(kind: Texts, features: Floats, y: NDArray[np.int8]) -> str | None:
    """Which term stands in texts of rows with the label only, or None."""
    for at, term in enumerate(kind.terms, start=1):
        if _only_positive(features[:, at] == 1, y):
            return f"has {term} for rows with the label only: check that it was known before"
    return None


def _positive_share(column: Column, y: NDArray[np.int8]) -> Floats:
    """The share of positives among rows of the same value; rare values count as one."""
    texts = np.array(["" if text is None else f"={text}" for text in column], dtype=object)
    counts = Counter(texts.tolist())
    frequent = [text if counts[text] >= MIN_WORD_ROWS else "rare" for text in texts]
    _, group = np.unique(np.array(frequent, dtype=str), return_inverse=True)
    return (np.bincount(group, weights=y) / np.bincount(group))[group]


def _counts_rows(numbers: Floats) -> bool:
    """Whether each row has another whole number, in the file's order or without wide gaps."""
    n = len(numbers)
    if n < MIN_COUNTED or not np.isfinite(numbers).all() or (numbers % 1).any():
        return False
    if len(np.unique(numbers)) < n:
        return False
    order = np.diff(numbers)
    if (order > 0).all() or (order < 0).all():
        return True
    steps = np.diff(np.sort(numbers))
    return bool(np.ptp(numbers) < DENSE * n * np.min(steps) and not (steps % np.min(steps)).any())


def _looks_like_identifier(numbers: Floats) -> bool:
    """An account or telephone number. Moments in seconds since 1970 look the same, so such a column
    is not refused.
    """
    return (
        len(numbers) >= MIN_COUNTED
        and bool((numbers >= LEAST_LONG_NUMBER).all())
        and not (numbers % 1).any()
        and len(np.unique(numbers)) == len(numbers)
    )


def _only_positive(rows: NDArray[np.bool_], y: NDArray[np.int8]) -> bool:
    """Whether all these rows are positive, and too many for chance."""
    count = int(rows.sum())
    return count >= MIN_WORD_ROWS and bool(y[rows].all()) and float(y.mean()) ** count < CHANCE
