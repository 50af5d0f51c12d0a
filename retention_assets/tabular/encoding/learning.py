"""Learns from training rows what each column is: numbers, days, categories, texts, or no feature.

Nothing else may decide an encoding: no row that a model is chosen or tested on.
"""

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from retention_assets.errors import TableError
from retention_assets.modeling.examples import Floats
from retention_assets.tabular.cells import NumberFormat, ambiguous_number, number_format
from retention_assets.tabular.dates import date_formats
from retention_assets.tabular.encoding.encoding import Encoding
from retention_assets.tabular.encoding.kinds import Cells, Days, Kind, Numbers, Words, unread
from retention_assets.tabular.encoding.leaks import (
    MIN_WORD_ROWS,
    later_than_row,
    leak,
    only_positive_term,
    separation,
    suspicion,
)
from retention_assets.tabular.encoding.rates import learn_rates
from retention_assets.tabular.encoding.texts import Texts, learn_texts
from retention_assets.tabular.reading import Column, known, text_counts

MAX_WORDS = 50  # a category of more different words has a rate in place of a feature for each
MIXED_SHARE = 0.5  # from which on an error speaks of numbers among which others stand
# On average. A value that fewer identifiers have is almost as good a name as the identifier.
IDENTIFIERS_PER_VALUE = 2


def learn(
    columns: Mapping[str, Column],
    y: NDArray[np.int8],
    decimal: str | None = ".",
    *,
    identifiers: NDArray[np.str_] | None = None,
    as_of: NDArray[np.datetime64] | None = None,
) -> Encoding:
    """Learns from these rows alone.

    `decimal`: the file's decimal mark, None if nothing shows it. `identifiers`: None if each row
    has another one. `as_of`: the rows' days; None: they have none.
    """
    if identifiers is None:
        identifiers = np.arange(len(y)).astype(str)
    kinds: dict[str, Kind] = {}
    refused: dict[str, str] = {}
    suspects: dict[str, str] = {}
    for name, column in columns.items():
        if reason := _useless(column):
            refused[name] = reason
            continue
        cells = Cells(column, identifiers, as_of, place=name)
        kind = _kind(cells, y, decimal)
        order = _order(kind, cells)
        auc = separation(column, order, y)
        reason = leak(column, order, y, auc=auc, numbers=isinstance(kind, Numbers))
        if isinstance(kind, str) or reason:
            refused[name] = reason or str(kind)
            continue
        kinds[name] = kind
        if doubt := suspicion(column, order, y, auc=auc) or _late(kind, cells, y):
            suspects[name] = doubt
    if not kinds:
        why = "; ".join(f"{name} {reason}" for name, reason in refused.items())
        raise TableError(
            f"No column is left to learn from. {why}",
            "Give columns that say something of each row.",
        )
    return Encoding(kinds, refused, suspects)


def _kind(cells: Cells, y: NDArray[np.int8], decimal: str | None) -> Kind | str:
    """The column's kind, or why it is none."""
    column = cells.column
    if form := _number_format(column, decimal):
        return Numbers(form)
    if decimal is None and (cell := ambiguous_number(column)):
        return f"may be read in two ways: {cell} with a decimal point or comma (--decimal says it)"
    counts = text_counts(column)
    if formats := date_formats(column):
        if len(formats) == 1:
            return Days(formats[0], before_as_of=cells.as_of is not None)
        titles = " or ".join(form.title for form in formats)
        return f"may be {titles}, and no row tells which: write dates like 2024-03-04"
    if words := _frequent_words(column):
        return Words(words, frozenset(counts))
    if form := number_format(column, decimal, share=MIXED_SHARE):
        texts = unread(column, form)
        return f"has {len(texts):,} values that are not written as its numbers, such as {texts[0]}"
    pairs = len(set(zip(column[known(column)], cells.identifiers[known(column)], strict=True)))
    if pairs >= IDENTIFIERS_PER_VALUE * len(counts):
        return learn_rates(cells, y)
    return learn_texts(column, y) or (
        f"has {len(counts):,} different words, few of them in several rows: "
        "it identifies a row and says nothing of others"
    )


def _order(kind: Kind | str, cells: Cells) -> Floats | None:
    """The cells as numbers, where these have an order of their own."""
    return kind.matrix(cells)[:, 0] if isinstance(kind, Numbers | Days) else None


def _late(kind: Kind, cells: Cells, y: NDArray[np.int8]) -> str | None:
    """What makes dates or texts look as if they were written after the event, or None."""
    if isinstance(kind, Days) and kind.before_as_of:
        return later_than_row(kind.matrix(cells)[:, 0])
    return only_positive_term(kind, kind.matrix(cells), y) if isinstance(kind, Texts) else None


def _number_format(column: Column, decimal: str | None) -> NumberFormat | None:
    """None also where few values occur and a frequent one is no number: 3+ is a category."""
    form = number_format(column, decimal)
    if form is None or len(text_counts(column)) > MAX_WORDS:
        return form
    frequent = any(rows >= MIN_WORD_ROWS for rows in Counter(unread(column, form)).values())
    return None if frequent else form


def _useless(column: Column) -> str | None:
    counts = text_counts(column)
    if not counts:
        return "has no value in any training row"
    return "is the same in every training row" if max(counts.values()) == len(column) else None


def _frequent_words(column: Column) -> tuple[str, ...]:
    """Frequent words in a fixed order, without one that follows from the others."""
    counts = text_counts(column)
    if len(counts) > MAX_WORDS:
        return ()
    frequent = sorted(word for word, rows in counts.items() if rows >= MIN_WORD_ROWS)
    return tuple(frequent[1:] if len(counts) == len(frequent) == 2 else frequent)
