"""Which rows are fitted on, calibrated on and tested on. Masks over examples; knows no model.

Time: the last as-of dates are the untouched test. Training rows whose label window reaches into the
test are purged; the folds, which choose the challenger, go forward in the same way. A history too
short for that is folded by entity instead. The calibrator learns from the latest training rows,
scored by models that have not seen their entities: entities are in one of two parts, by a stable
hash.

An entity has rows at several as-of dates, with overlapping label windows. All rows weigh the same:
weights by entity would shift the prevalence (positives have fewer rows) and so the calibration. The
overlap reduces the information, so every interval resamples entities, not rows.
"""

from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from retention_assets.errors import NotTrainableError
from retention_assets.modeling.examples import Bools, Examples

# Later rows are more like those that will be scored. Four dates, as few are noisy; on rolling
# origins of two sources they calibrate better than all training dates do.
CALIBRATION_PERIODS = 4
CALIBRATION_PARTS = 2
MIN_CLASS_ROWS = 10
# As-of dates to learn from in a rolling origin: of fewer, models learn what those dates had in
# common.
MIN_FOLD_PERIODS = 4
OTHER_ENTITIES = "other entities of the same as-of dates, as there are too few dates to go forward"


@dataclass(frozen=True)
class PartSize:
    """The rows, and the rows of each label, that a part needs to be learned from or tested on."""

    rows: int = 200
    of_each_label: int = MIN_CLASS_ROWS

    def is_reached(self, y: NDArray[np.int8]) -> bool:
        """Whether these labels are enough."""
        positives = int(y.sum())
        return len(y) >= self.rows and min(positives, len(y) - positives) >= self.of_each_label


USUAL_SIZE = PartSize()
CALIBRATION_SIZE = PartSize(rows=1000)


@dataclass(frozen=True)
class Fold:
    """One step forward: rows before, rows after."""

    train: Bools
    valid: Bools


@dataclass(frozen=True)
class TrainTestSplit:
    """`train` is fitted and calibrated on, `test` is scored once. The `folds`
    choose between candidates; `chosen_on` says what kind they are.
    """

    train: Bools
    test: Bools
    folds: tuple[Fold, ...]
    chosen_on: str = ""


def hash_share(identifiers: NDArray[np.str_], salt: str) -> NDArray[np.float64]:
    """A number in [0, 1) for each identifier, the same on any machine and day."""
    unique, inverse = np.unique(identifiers, return_inverse=True)
    # crc32 alone is linear in its input: multiplying by an odd constant separates neighbors.
    codes = np.array([crc32(f"{salt}:{name}".encode()) for name in unique], dtype=np.uint64)
    mixed = (codes * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(11)
    return (mixed / 2**53)[inverse]


def calibration_parts(entities: NDArray[np.str_]) -> NDArray[np.int64]:
    """The part of each row's entity; rows of a part are scored by a model fitted on the others."""
    return np.floor(hash_share(entities, "calibration") * CALIBRATION_PARTS).astype(np.int64)


def later_cohort(data: Examples, rows: Bools) -> Bools:
    """The last as-of dates of these rows: at least CALIBRATION_PERIODS, and as many as it takes for
    enough rows of both labels. All rows, if they have no more dates than that.
    """
    dates = np.unique(data.as_of[rows])
    for first in dates[: len(dates) - CALIBRATION_PERIODS + 1][::-1]:
        cohort = rows & (data.as_of >= first)
        if CALIBRATION_SIZE.is_reached(data.labels_that_count(cohort)):
            return cohort
    return rows


def forward_split(
    data: Examples, *, test_periods: int, folds: int, purge_days: int
) -> TrainTestSplit:
    """Tests on the last `test_periods` as-of dates, trains on rows whose labels closed before."""
    periods = np.unique(data.as_of)
    if len(periods) <= test_periods:
        raise NotTrainableError(
            f"{len(periods)} as-of dates have final labels; the test alone takes {test_periods}.",
            "Wait for more, or test on fewer as-of dates (RETENTION_TEST_WEEKS).",
        )
    test = data.as_of >= periods[-test_periods]
    train = purged_before(data, periods[-test_periods], purge_days)
    require_both_classes(
        data.labels_that_count(train),
        f"training ({train.sum()} rows end {purge_days} days before the test)",
    )
    require_both_classes(data.labels_that_count(test), "the test period")
    forward = forward_folds(data, train, folds, purge_days, min_periods=MIN_FOLD_PERIODS)
    if forward:
        return TrainTestSplit(train, test, forward, rolling_origins(len(forward)))
    return TrainTestSplit(train, test, hashed_folds(data, train, folds), OTHER_ENTITIES)


def rolling_origins(count: int) -> str:
    """What folds that go forward are called."""
    origins = "rolling origin" if count == 1 else "rolling origins"
    return f"{count} {origins} before the untouched rows"


def purged_before(data: Examples, first: np.datetime64, purge_days: int) -> Bools:
    """Rows whose label window had closed by the as-of date `first`."""
    return data.as_of + np.timedelta64(purge_days, "D") <= first


def forward_folds(
    data: Examples,
    train: Bools,
    folds: int,
    purge_days: int,
    *,
    min_periods: int = 1,
    size: PartSize = USUAL_SIZE,
) -> tuple[Fold, ...]:
    """Consecutive validation blocks of the training period, each fitted on rows closed before.

    A block with fewer than `min_periods` as-of dates closed before it, or without enough rows of
    both classes before and in it, is left out.
    """
    weeks = np.unique(data.as_of[train])
    closed = np.searchsorted(weeks + np.timedelta64(purge_days, "D"), weeks, side="right")
    possible = weeks[closed >= min_periods]
    steps = []
    for block in np.array_split(possible, folds):
        if len(block):
            valid = train & np.isin(data.as_of, block)
            steps.append(Fold(train & purged_before(data, block[0], purge_days), valid))
    return _sound(data, steps, size)


def hashed_folds(
    data: Examples, train: Bools, folds: int, size: PartSize = USUAL_SIZE
) -> tuple[Fold, ...]:
    """Folds by the entity's hash, where rows have no time or too little of it; an entity's rows
    stay together.
    """
    parts = max(folds, 2)
    part = np.floor(hash_share(data.entities, "fold") * parts)
    steps = [Fold(train & (part != fold), train & (part == fold)) for fold in range(parts)]
    return _sound(data, steps, size)


def require_folds(split: TrainTestSplit, size: PartSize = USUAL_SIZE) -> TrainTestSplit:
    """The split itself. Raises NotTrainableError if nothing can choose between its candidates."""
    if not split.folds:
        raise NotTrainableError(
            f"{int(split.train.sum())} training rows are too few to compare candidates on folds.",
            f"Provide {size.rows} rows per fold with {size.of_each_label} of each label, or lower "
            "RETENTION_FOLDS.",
        )
    return split


def require_both_classes(
    y: NDArray[np.int8], where: str, of_each_label: int = MIN_CLASS_ROWS
) -> None:
    """Raises NotTrainableError if a part has too few rows of either label."""
    positives = int(y.sum())
    if min(positives, len(y) - positives) < of_each_label:
        raise NotTrainableError(
            f"{where} has {positives} positives in {len(y)} rows; {of_each_label} of each label "
            "are needed.",
            "Provide more rows or a longer history.",
        )


def _sound(data: Examples, steps: list[Fold], size: PartSize) -> tuple[Fold, ...]:
    return tuple(
        step
        for step in steps
        if all(size.is_reached(data.labels_that_count(part)) for part in (step.train, step.valid))
    )
