"""A column of texts as features: how long each is, and which of the telling terms it has."""

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retention_assets.modeling.examples import Floats
from retention_assets.tabular.encoding.kinds import Cells
from retention_assets.tabular.reading import Column, known

TERM = re.compile(r"[^\W\d_]{3,}")
TEXT_TERMS = 3  # a column whose median cell has fewer words is names or codes, not texts
MIN_TERM_ROWS = 20
MAX_TERMS = 50


@dataclass(frozen=True)
class Texts:
    """`terms`: case-folded words, each a 0/1 feature."""

    terms: tuple[str, ...]

    def features(self, column: str) -> tuple[str, ...]:
        return (f"{column} (words)", *(f"{column} has {term}" for term in self.terms))

    def matrix(self, cells: Cells) -> Floats:
        """NaN where it is blank."""
        is_known = known(cells.column)
        values = np.zeros((len(is_known), 1 + len(self.terms)))
        position = {term: at for at, term in enumerate(self.terms, start=1)}
        for row, text in enumerate(cells.column):
            if text is not None:
                values[row, 0] = len(text.split())
                for term in terms_of(text) & position.keys():
                    values[row, position[term]] = 1
        values[~is_known] = np.nan
        return values


def learn_texts(column: Column, y: NDArray[np.int8]) -> Texts | None:
    """The terms whose rows differ most in their rate from the others, by a z score, in a fixed
    order. None: these are no texts, or none of their words is frequent.
    """
    texts = [text for text in column if text is not None]
    if not texts or np.median([len(text.split()) for text in texts]) < TEXT_TERMS:
        return None
    labels = y[known(column)]
    rows: Counter[str] = Counter()
    positives: Counter[str] = Counter()
    for text, label in zip(texts, labels, strict=True):
        terms = terms_of(text)
        rows.update(terms)
        if label:
            positives.update(terms)
    rate = (labels.sum() + 0.5) / (len(labels) + 1)
    surprise = {
        term: abs(positives[term] - count * rate) / np.sqrt(count * (1 - count / len(texts)))
        for term, count in rows.items()
        if MIN_TERM_ROWS <= count <= len(texts) - MIN_TERM_ROWS
    }
    best = sorted(surprise, key=lambda term: (-surprise[term], term))[:MAX_TERMS]
    return Texts(tuple(sorted(best))) if best else None


def terms_of(text: str) -> set[str]:
    """Its different words of three letters or more."""
    return set(TERM.findall(text.casefold()))
