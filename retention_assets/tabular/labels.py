"""Which values of a label count as yes. Spellings are folded; a meaning is never guessed."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retention_assets.errors import TableError
from retention_assets.tabular.cells import null_words
from retention_assets.tabular.reading import Column, known

# Only pairs that mean the same everywhere. Words such as churned and stayed need --positive.
PAIRS = {"1": "0", "yes": "no", "true": "false", "y": "n", "t": "f"}
YES = frozenset(PAIRS)
NO = frozenset(PAIRS.values())
WHOLE_NUMBER = re.compile(r"([-+]?\d+)\.0*")
SHOWN = 10  # values that an error lists


@dataclass(frozen=True)
class Labels:
    """`positive`: the most frequent spelling of yes; `yes` and `no`: folded values."""

    positive: str
    yes: frozenset[str]
    no: frozenset[str]

    def read(self, table: str, column: Column) -> NDArray[np.int8]:
        """1 for yes. Raises TableError for a value that is neither."""
        folded = [fold(text) for text in column]
        if other := sorted(set(folded) - self.yes - self.no):
            raise TableError(
                f"{table}: the labels {listed(other)} are not among those trained on "
                f"({listed(sorted(self.yes | self.no))}).",
                "Write the same labels in both files.",
            )
        return np.array([text in self.yes for text in folded], dtype=np.int8)


def labeled_rows(column: Column) -> NDArray[np.bool_]:
    """Rows whose label is known: neither blank nor a null word."""
    return known(column) & ~null_words(column)


def fold(text: str) -> str:
    """The value without case, blanks and the dot of `True.`; 1.0 is 1."""
    folded = " ".join(text.casefold().split())
    if match := WHOLE_NUMBER.fullmatch(folded):
        return match[1]
    return folded.rstrip(". ") or folded


def learn_labels(table: str, name: str, column: Column, positive: str | None) -> Labels:
    """Raises TableError where neither `positive` nor the values themselves say what is yes."""
    spellings = Counter(column[labeled_rows(column)].tolist())
    values = {fold(text) for text in spellings}
    yes = _yes(table, name, spellings, positive)
    shown = max(
        (text for text in spellings if fold(text) in yes), key=lambda text: (spellings[text], text)
    )
    if values <= yes:
        raise _one_class(table, name, column, shown)
    return Labels(shown, frozenset(yes), frozenset(values - yes))


def _yes(table: str, name: str, spellings: Counter[str], positive: str | None) -> set[str]:
    values = {fold(text) for text in spellings}
    if positive is None:
        pair = any(word in values and PAIRS[word] in values for word in YES)
        if values <= YES | NO and (pair or len(values) == 1):
            return values & YES
        raise TableError(
            f"{table}: the labels in {name} are {listed(_most_frequent(spellings))}.",
            "Say which counts as yes: --positive VALUE.",
        )
    folded = fold(positive)
    same = next((words for words in (YES, NO) if folded in words), frozenset({folded}))
    if folded not in values:
        raise TableError(
            f"{table}: no label in {name} is {positive}.",
            f"Name one of {listed(_most_frequent(spellings))}.",
        )
    return values & same


def _most_frequent(spellings: Counter[str]) -> list[str]:
    """One spelling of each value, in the order of the values."""
    best: dict[str, str] = {}
    for text, _ in sorted(spellings.items(), key=lambda item: (-item[1], item[0])):
        best.setdefault(fold(text), text)
    return [best[value] for value in sorted(best)]


def _one_class(table: str, name: str, column: Column, value: str) -> TableError:
    unknown = Counter("blank" if text is None else text for text in column[~labeled_rows(column)])
    without = "".join(f"; {rows:,} rows are {text}" for text, rows in unknown.most_common(3))
    return TableError(
        f"{table}: every known label in {name} is {value}{without}.",
        "Write both labels; blanks and null words such as NA or none count as unknown.",
    )


def listed(values: Iterable[str]) -> str:
    texts = list(values)
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return ", ".join(texts[:SHOWN]) + more
