"""A category of many values as one feature: how often rows of the value are positive.

The rate of a row that it is learned from leaves out the rows of its part of the identifiers, so
that no row's feature knows its own label (cross-fitting; Micci-Barreca 2001 for the shrinkage).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retention_assets.modeling.calibration import logit
from retention_assets.modeling.examples import Floats
from retention_assets.modeling.splits import hash_share
from retention_assets.tabular.encoding.kinds import Cells
from retention_assets.tabular.reading import Column, known

PARTS = 5
# Rows of the base rate that each value's rate is averaged with.
PRIOR_ROWS = 20


@dataclass(frozen=True, eq=False)
class Rates:
    """`codes`: value -> its row in `log_odds` (values + 1, PARTS + 1). The last row is a value that
    no training row has; a column leaves one part out, and the last leaves out none.
    """

    codes: dict[str, int]
    log_odds: Floats

    @property
    def vocabulary(self) -> frozenset[str]:
        """Every value of the training rows."""
        return frozenset(self.codes)

    def features(self, column: str) -> tuple[str, ...]:
        return (f"{column} (rate)",)

    def matrix(self, cells: Cells) -> Floats:
        """Log odds of the rate; NaN where it is blank."""
        codes = _coded(cells.column, self.codes)
        without = np.full(len(codes), PARTS)
        if cells.learned_from is not None:
            rows = cells.learned_from
            without[rows] = _parts(cells.identifiers[rows])
        return np.where(known(cells.column), self.log_odds[codes, without], np.nan)[:, None]


def learn_rates(cells: Cells, y: NDArray[np.int8]) -> Rates:
    """All rows of `cells` are learned from."""
    is_known = known(cells.column)
    values = sorted(set(cells.column[is_known].tolist()))
    codes = {value: at for at, value in enumerate(values)}
    shape = (len(values) + 1, PARTS)
    rows = np.zeros(shape)
    positives = np.zeros(shape)
    at = (_coded(cells.column, codes), _parts(cells.identifiers))
    np.add.at(rows, at, 1.0)
    np.add.at(positives, at, y.astype(np.float64))
    left_out = np.column_stack([np.eye(PARTS), np.zeros(PARTS)])
    rows = rows @ (1 - left_out)
    positives = positives @ (1 - left_out)
    # Half a row of each label, as a part may have one label only.
    base_rate = (positives.sum(axis=0) + 0.5) / (rows.sum(axis=0) + 1)
    # The last row has the blanks: no value to learn a rate of.
    rows[-1] = 0
    positives[-1] = 0
    return Rates(codes, logit((positives + PRIOR_ROWS * base_rate) / (rows + PRIOR_ROWS)))


def _coded(column: Column, codes: dict[str, int]) -> NDArray[np.int64]:
    return np.array([codes.get(text, len(codes)) for text in column], dtype=np.int64)


def _parts(identifiers: NDArray[np.str_]) -> NDArray[np.int64]:
    return np.floor(hash_share(identifiers, "rate") * PARTS).astype(np.int64)
