"""What was learned of a table's columns, and how it turns other rows into features. Learns nothing.

What a single cell means is in cells.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from retention_assets.errors import TableError
from retention_assets.modeling.examples import Bools, Floats
from retention_assets.tabular.cells import NumberFormat, null_words
from retention_assets.tabular.encoding.kinds import Cells, Kind, Numbers, Words, unread
from retention_assets.tabular.encoding.rates import Rates
from retention_assets.tabular.reading import text_counts
from retention_assets.tabular.table import FlatTable


@dataclass(frozen=True)
class Encoding:
    """`kinds`: column -> how it becomes features. `refused`: column -> why it is no feature.
    `suspects`: feature columns that may have been written after the event or identify a row, and
    why.
    """

    kinds: Mapping[str, Kind]
    refused: Mapping[str, str]
    suspects: Mapping[str, str] = field(default_factory=dict)

    @property
    def features(self) -> tuple[str, ...]:
        return tuple(name for column, kind in self.kinds.items() for name in kind.features(column))

    @property
    def numbers(self) -> dict[str, NumberFormat]:
        """Columns of numbers, and how these are written."""
        return {name: kind.form for name, kind in self.kinds.items() if isinstance(kind, Numbers)}

    @property
    def words(self) -> dict[str, tuple[str, ...]]:
        """Categories of few words, and their frequent ones."""
        kinds = self.kinds.items()
        return {name: kind.frequent for name, kind in kinds if isinstance(kind, Words)}

    def apply(self, table: FlatTable, learned_from: Bools | None = None) -> Floats:
        """(n, features), NaN for unknown. `learned_from`: rows that this was learned from; None:
        none of the table's.

        Raises TableError where the table lacks a column, or writes it in another way than the
        training rows.
        """
        if lacking := [column for column in self.kinds if column not in table.columns]:
            raise TableError(
                f"{table.name} lacks the columns {', '.join(lacking)}.",
                "Give both files the same columns.",
            )
        return np.hstack(
            [
                kind.matrix(
                    Cells(
                        column=table.columns[name],
                        identifiers=table.identifiers,
                        as_of=table.as_of if table.days else None,
                        learned_from=learned_from,
                        place=f"{table.name}: {name}",
                    )
                )
                for name, kind in self.kinds.items()
            ]
        )

    def unread(self, table: FlatTable) -> dict[str, list[str]]:
        """Cells of number columns that are neither numbers nor blank, by column."""
        cells = {name: unread(table.columns[name], form) for name, form in self.numbers.items()}
        return {name: texts for name, texts in cells.items() if texts}

    def null_words(self, table: FlatTable) -> dict[str, int]:
        """Cells of number columns that say NA, NULL, ? or the like, and count as blank."""
        counts = {name: int(null_words(table.columns[name]).sum()) for name in self.numbers}
        return {name: count for name, count in counts.items() if count}

    def new_words(self, table: FlatTable) -> dict[str, int]:
        """Cells of categories with a word that no training row has, by column."""
        counts = {
            name: sum(
                rows
                for word, rows in text_counts(table.columns[name]).items()
                if word not in kind.vocabulary
            )
            for name, kind in self.kinds.items()
            if isinstance(kind, Words | Rates)
        }
        return {name: count for name, count in counts.items() if count}
