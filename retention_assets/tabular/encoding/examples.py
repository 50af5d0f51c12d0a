"""The rows of flat tables as examples whose features can be learned from any part of the rows."""

from collections.abc import Sequence

import numpy as np

from retention_assets.modeling.examples import Bools, Examples, Floats
from retention_assets.tabular.encoding.encoding import Encoding
from retention_assets.tabular.encoding.learning import learn
from retention_assets.tabular.table import FlatTable


class EncodedRows:
    """All labeled rows of the tables, in the files' order. Only rows of the first one are learned
    from. What was learned from a part is kept, as every candidate is fitted on the same parts.
    """

    def __init__(self, tables: Sequence[FlatTable]) -> None:
        self._tables = tables
        self._learned: dict[bytes, tuple[Encoding, Examples]] = {}
        labels = [table.y for table in tables if table.y is not None]
        rows = sum(len(table) for table in tables)
        self.rows = Examples(
            (),
            np.concatenate([table.identifiers for table in tables]),
            np.concatenate([table.as_of for table in tables]),
            np.empty((rows, 0)),
            np.concatenate(labels),
            encode=self.examples,
        )

    def encoding(self, rows: Bools) -> Encoding:
        """What these rows say of the columns."""
        return self._learn(rows)[0]

    def examples(self, rows: Bools) -> Examples:
        """All rows, with features that were learned from `rows`."""
        return self._learn(rows)[1]

    def _learn(self, rows: Bools) -> tuple[Encoding, Examples]:
        key = np.packbits(rows).tobytes()
        if key not in self._learned:
            first = self._tables[0]
            known = rows[: len(first)]
            encoding = learn(
                {name: column[known] for name, column in first.columns.items()},
                self.rows.y[: len(first)][known],
                first.dialect.decimal,
                identifiers=first.identifiers[known],
                as_of=first.as_of[known] if first.days else None,
            )
            features = Examples(
                encoding.features,
                self.rows.entities,
                self.rows.as_of,
                self._matrix(encoding, known),
                self.rows.y,
                encode=self.examples,
            )
            self._learned[key] = (encoding, features)
        return self._learned[key]

    def _matrix(self, encoding: Encoding, known: Bools) -> Floats:
        """The same array where another part taught the same, as memory is short on long tables."""
        for other, data in self._learned.values():
            if other.kinds == encoding.kinds:
                return data.X
        first, *more = self._tables
        return np.concatenate([encoding.apply(first, known), *map(encoding.apply, more)])
