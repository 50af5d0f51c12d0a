"""Who is fitted on, calibrated on and tested on, and when. Masks over examples; no model is known here.

Time: the last as-of weeks are the untouched test; everything fitted before it is purged by gap + horizon, so that no
label window of a training row reaches into a period that is judged; the folds go forward in the same way.
Customers: one in five never takes part in a fit; the calibrator learns from them alone. Which one is a stable hash.

A customer stands in several as-of weeks, with overlapping label windows. Every row weighs the same: weights by customer
would move the prevalence (churners have fewer rows) and with it the calibration. What the overlap does take away is
information, which is why every interval resamples customers, not rows.
"""

from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from retention_assets.errors import NotTrainableError
from retention_assets.modeling.examples import Bools, Examples

CALIBRATION_SHARE = 0.2
MIN_FOLD_ROWS = 200
MIN_CLASS_ROWS = 10


@dataclass(frozen=True)
class Fold:
    """One step forward: rows before, rows after."""

    train: Bools
    valid: Bools


@dataclass(frozen=True)
class Split:
    """`train` is fitted and calibrated on (customers apart), `test` is scored once."""

    train: Bools
    test: Bools
    folds: tuple[Fold, ...]


def hash_share(identifiers: NDArray[np.str_], salt: str) -> NDArray[np.float64]:
    """A number in [0, 1) for each identifier, the same on any machine and day."""
    unique, inverse = np.unique(identifiers, return_inverse=True)
    # crc32 alone is linear in its input: multiplying by an odd constant mixes neighbouring identifiers apart.
    codes = np.array([crc32(f"{salt}:{name}".encode()) for name in unique], dtype=np.uint64)
    mixed = (codes * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(11)
    return (mixed / 2**53)[inverse]


def held_for_calibration(customers: NDArray[np.str_]) -> Bools:
    """Customers whom no candidate is fitted on."""
    return hash_share(customers, "calibration") < CALIBRATION_SHARE


def forward_split(data: Examples, test_weeks: int, folds: int, purge_days: int) -> Split:
    """The last `test_weeks` as-ofs as test, all that ended before them as training, forward folds within."""
    weeks = np.unique(data.as_of)
    if len(weeks) <= test_weeks:
        raise NotTrainableError(
            f"{len(weeks)} as-of weeks have matured labels; the test alone takes {test_weeks}.",
            "Wait for more weeks, or lower RETENTION_TEST_WEEKS.",
        )
    test = data.as_of >= weeks[-test_weeks]
    train = purged_before(data, weeks[-test_weeks], purge_days)
    both_classes(
        data.y[train], f"training ({train.sum()} rows end {purge_days} days before the test)"
    )
    both_classes(data.y[test], "the test period")
    return Split(train, test, forward_folds(data, train, folds, purge_days))


def purged_before(data: Examples, first: np.datetime64, purge_days: int) -> Bools:
    """Rows whose label window had closed when the period beginning with the as-of `first` began."""
    return data.as_of + np.timedelta64(purge_days, "D") <= first


def forward_folds(
    data: Examples, train: Bools, folds: int, purge_days: int, apart: bool = False
) -> tuple[Fold, ...]:
    """The training weeks' last part cut into consecutive validation blocks, each fitted on what ended before it.

    As many as history allows: a block without enough rows of both classes before and in it is left out. `apart`: whoever is
    in a block is not fitted on for it, for rows whose labels reach unknown far ahead.
    """
    weeks = np.unique(data.as_of[train])
    possible = weeks[weeks >= weeks[0] + np.timedelta64(purge_days, "D")]
    steps = []
    for block in np.array_split(possible, folds):
        if len(block):
            valid = train & np.isin(data.as_of, block)
            before = train & purged_before(data, block[0], purge_days)
            steps.append(
                Fold(
                    before & ~np.isin(data.customers, data.customers[valid]) if apart else before,
                    valid,
                )
            )
    return _sound(data, steps)


def hashed_folds(data: Examples, train: Bools, folds: int) -> tuple[Fold, ...]:
    """For tables without time: folds by customers' hash, so that one customer's rows stay together."""
    share = np.floor(hash_share(data.customers, "fold") * folds)
    return _sound(
        data, [Fold(train & (share != fold), train & (share == fold)) for fold in range(folds)]
    )


def both_classes(y: NDArray[np.int8], where: str) -> None:
    """Refuses a part in which a model could learn or show nothing."""
    positives = int(y.sum())
    if min(positives, len(y) - positives) < MIN_CLASS_ROWS:
        raise NotTrainableError(
            f"{where} holds {positives} churners among {len(y)} rows; {MIN_CLASS_ROWS} of each kind are needed.",
            "Give more customers or a longer history.",
        )


def _sound(data: Examples, steps: list[Fold]) -> tuple[Fold, ...]:
    return tuple(
        step for step in steps if _enough(data.y[step.train]) and _enough(data.y[step.valid])
    )


def _enough(y: NDArray[np.int8]) -> bool:
    positives = int(y.sum())
    return len(y) >= MIN_FOLD_ROWS and min(positives, len(y) - positives) >= MIN_CLASS_ROWS
