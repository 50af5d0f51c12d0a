"""The features of one customer from the lake, without Spark: reads the customer's rows and nothing
else, and computes them with `engine_python.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from retention_assets import keys
from retention_assets.features.engine_python import compute_features
from retention_assets.features.feature import Feature
from retention_assets.features.historical import refuse_open_day
from retention_assets.resources.small_tables import read_small
from retention_assets.validation.versions import IS_GONE, MOMENT, REPLACED_ON


def features_of_customer(
    lake_root: str,
    customer_id: str,
    as_of: date,
    features: Iterable[Feature],
    history_start: date,
) -> dict[str, float | None] | None:
    """Feature name -> value, None if unknown; None instead of a dict if the customer is not known
    at the start of the day. Raises FeatureRequestError if the day is later than the first one that
    is not closed.
    """
    (day,) = _rows(lake_root, keys.WATERMARK)
    refuse_open_day(as_of, day["watermark"] + timedelta(days=1))
    of_customer = ("customer_id", customer_id)
    customers = _rows(lake_root, keys.CUSTOMERS, of_customer)
    tiles = _rows(lake_root, keys.DAILY_ACTIVITY, of_customer)
    return compute_features(tiles, with_replaced_on(customers), as_of, features, history_start)


def with_replaced_on(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One customer's rows of validated/customers, as `versions.with_replacement` gives them."""
    by_key: dict[Any, list[Mapping[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: tuple(row[name] for name in MOMENT)):
        by_key.setdefault(row["event_ts"], []).append(row)
    return [
        {**row, REPLACED_ON: following["ingested_ts"].date() if following else None}
        for versions in by_key.values()
        for row, following in pairwise([*versions, None])
        if row is not None and not row[IS_GONE]
    ]


def _rows(
    lake_root: str, key: str, where: tuple[str, str] | None = None
) -> Sequence[dict[str, Any]]:
    table = read_small(lake_root, key, where=where)
    return [] if table is None else table.to_pylist()
