"""The features of the audited examples, read in several ways by the engine that also made them.
Frames in, arrays out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retention_assets.features.engine_spark import compute_features
from retention_assets.features.expressions import attribute_names
from retention_assets.features.feature import Feature
from retention_assets.modeling.examples import Floats
from retention_assets.training.leak_audit.facts import (
    ALL,
    IN_TIME,
    KNOWN,
    REPLAYED,
    customers_by_reading,
    name_of,
    tiles_by_reading,
)

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Readings:
    """n examples of a training set: customer, day (datetime64[D]), label, and their features (n, f)
    as stored and as read again. Null is NaN, a customer whom a reading does not know is all NaN.

    `known`: from facts known on the example's day. `replayed`, `in_time`: after a backfill that
    came on that day, and the day before. `future`: as of the end of the label window. `latest`: as
    of today.
    """

    features: tuple[str, ...]
    entities: NDArray[np.str_]
    as_of: NDArray[np.datetime64]
    y: NDArray[np.int8]
    stored: Floats
    known: Floats
    replayed: Floats
    in_time: Floats
    future: Floats
    latest: Floats

    def __len__(self) -> int:
        return len(self.y)


def read_again(
    sample: "pa.Table",
    tiles: DataFrame,
    customers: DataFrame,
    features: Sequence[Feature],
    *,
    history_start: date,
    window_days: int,
    today: date,
) -> Readings:
    """The readings of these rows of training/churn_examples, in one pass of the engine.

    `tiles`, `customers`: what the examples were made from. `window_days`: from an example's day to
    the end of the label window. `today`: the first day that is not closed.
    """
    names = [feature.name for feature in features]
    attributes = sorted(set().union(*(attribute_names(item.expression) for item in features)))
    pairs = tiles.sparkSession.createDataFrame(sample.select(["customer_id", "as_of"]))
    examples = F.broadcast(pairs.withColumnRenamed("as_of", "day"))
    as_ofs = sample["as_of"].to_pylist()
    ends = [day + timedelta(days=window_days) for day in as_ofs]
    # The engine reads the tiles several times.
    audited_tiles = tiles_by_reading(tiles, examples).persist()
    vectors = compute_features(
        audited_tiles,
        customers_by_reading(customers, examples, attributes),
        [*as_ofs, *ends, today],
        features,
        history_start,
    ).toArrow()
    audited_tiles.unpersist()
    read = zip(*(vectors[name].to_pylist() for name in ("customer_id", "as_of")), strict=True)
    place = {key: row for row, key in enumerate(read)}
    values = np.vstack([_matrix(vectors, names), np.full(len(names), np.nan)])
    ids = sample["customer_id"].to_pylist()

    def matrix(reading: str, days: Sequence[date]) -> Floats:
        keys = [
            (name_of(reading, as_of, customer), day)
            for customer, as_of, day in zip(ids, as_ofs, days, strict=True)
        ]
        return values[[place.get(key, -1) for key in keys]]

    return Readings(
        features=tuple(names),
        entities=np.array(ids),
        as_of=sample["as_of"].to_numpy().astype("datetime64[D]"),
        y=sample["label"].to_numpy().astype(np.int8),
        stored=_matrix(sample, names),
        known=matrix(KNOWN, as_ofs),
        replayed=matrix(REPLAYED, as_ofs),
        in_time=matrix(IN_TIME, as_ofs),
        future=matrix(ALL, ends),
        latest=matrix(ALL, [today] * len(ids)),
    )


def _matrix(table: "pa.Table", names: Sequence[str]) -> Floats:
    return np.column_stack([table[name].to_numpy().astype(np.float64) for name in names])
