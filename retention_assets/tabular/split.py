"""Which rows of a table are trained on, which are untouched, and which are in neither part.

With time, the parts are purged by the label window, and who has rows in both stays in both: people
who stay have the most rows, so leaving them out would raise the base rate. Without time, all rows
of an identifier are in one part.
"""

from dataclasses import dataclass

import numpy as np

from retention_assets.errors import NotTrainableError
from retention_assets.modeling.examples import Bools, Examples
from retention_assets.modeling.splits import (
    OTHER_ENTITIES,
    PartSize,
    TrainTestSplit,
    forward_folds,
    hash_share,
    hashed_folds,
    purged_before,
    require_both_classes,
    require_folds,
    rolling_origins,
)

TEST_SHARE = 0.2
MOST = 0.5
MIN_IDENTIFIERS = 20  # a few for each part and fold
# A file of 400 rows has folds of about 100. Their figures are noisy, and the report's intervals
# wide, but a refusal would tell less.
SIZE = PartSize(rows=50, of_each_label=5)


@dataclass(frozen=True)
class Parts:
    """The two parts as masks. `same_identifier` and `purged` count the other rows: those of an
    identifier that is untouched, and those whose label window reaches into the untouched rows.
    """

    train: Bools
    test: Bools
    sentence: str
    same_identifier: int = 0
    purged: int = 0


def parts_of(
    rows: Examples, second: Bools | None, *, purge_days: int, dated: bool, second_name: str = ""
) -> Parts:
    """`second`: the rows of a labeled second file, which then are the untouched ones. `dated`: all
    rows have a day. `purge_days`: a label's window, at least 1.

    A second file that begins before most rows of the first has other identifiers, such as those of
    a random fifth, even where rows have a day.
    """
    in_time = dated and len(np.unique(rows.as_of)) > 1
    if second is not None:
        source = f"They are those of {second_name}"
        first_day = rows.as_of[second].min()
        if in_time and (rows.as_of[~second] < first_day).mean() > MOST:
            train = purged_before(rows, first_day, purge_days) & ~second
            return _purged(train, second, f"{source}, later than the rows trained on.")
        return _other_identifiers(rows, second, f"{source}, of other identifiers.")
    if in_time:
        test = rows.as_of >= _first_untouched(rows)
        train = purged_before(rows, rows.as_of[test].min(), purge_days)
        return _purged(train, test, "They are the latest fifth by time.")
    _require_identifiers(rows)
    test = hash_share(rows.entities, "test") < TEST_SHARE
    return _other_identifiers(rows, test, "They are a fifth of the identifiers, by their hash.")


def split_of(rows: Examples, parts: Parts, *, purge_days: int, folds: int) -> TrainTestSplit:
    """The parts with folds within the training rows: forward in time, if that leaves enough rows,
    else by identifier. Raises NotTrainableError where the rows are too few.
    """
    require_both_classes(rows.y[parts.train], "training", SIZE.of_each_label)
    require_both_classes(rows.y[parts.test], "the untouched part", SIZE.of_each_label)
    if len(np.unique(rows.as_of[parts.train])) > 1:
        forward = forward_folds(rows, parts.train, folds, purge_days, size=SIZE)
        if forward:
            return TrainTestSplit(parts.train, parts.test, forward, rolling_origins(len(forward)))
    hashed = hashed_folds(rows, parts.train, folds, SIZE)
    has_time = len(np.unique(rows.as_of)) > 1
    chosen_on = OTHER_ENTITIES if has_time else f"{len(hashed)} folds of other identifiers"
    return require_folds(TrainTestSplit(parts.train, parts.test, hashed, chosen_on), SIZE)


def _first_untouched(rows: Examples) -> np.datetime64:
    """The day from which on the last fifth of the rows lies; never the first day of all."""
    days = np.sort(rows.as_of)
    return max(days[int(len(days) * (1 - TEST_SHARE))], days[days > days[0]][0])


def _purged(train: Bools, test: Bools, sentence: str) -> Parts:
    return Parts(train, test, sentence, purged=int((~train & ~test).sum()))


def _other_identifiers(rows: Examples, test: Bools, sentence: str) -> Parts:
    train = ~test & ~np.isin(rows.entities, rows.entities[test])
    return Parts(train, test, sentence, same_identifier=int((~train & ~test).sum()))


def _require_identifiers(rows: Examples) -> None:
    different = len(np.unique(rows.entities))
    if different < MIN_IDENTIFIERS:
        raise NotTrainableError(
            f"{len(rows):,} rows with {different:,} identifier{'s'[: different != 1]} cannot be "
            "split into training and untouched rows.",
            "Name the column that identifies a row's customer: --id COLUMN.",
        )
