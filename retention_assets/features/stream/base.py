"""What the lake holds of every customer, as of one day, in memory: sums, attributes, state, segment
and the keys of rows. Spark computes it once per publication and day, by the batch engine's code.

With the open rows added, engine_python.py evaluates the features from it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retention_assets import keys
from retention_assets.features.current import current_states
from retention_assets.features.declarations import Feature
from retention_assets.features.engine_python import Customer, evaluate
from retention_assets.features.engine_spark import totals_as_of
from retention_assets.features.expressions import attribute_names
from retention_assets.features.measures import UNITS, available_measures
from retention_assets.features.running_totals import last_column, total_column
from retention_assets.features.stream.lake_view import LakeView
from retention_assets.features.stream.measured_rows import key_and_content, measured_rows
from retention_assets.features.stream.open_activity import Activity, OpenActivity, Row
from retention_assets.validation.versions import read_facts
from serve.states import ACTIVE, RETURNED, UNKNOWN

# A key of a row of the lake that has other contents too, or none that can be compared.
SEVERAL = None
# Tables whose rows decide states or attributes of customers.
DECISIVE = ("customers", "churn_events", "churn_labels")


@dataclass(frozen=True)
class KnownKeys:
    """The keys of the rows of one table of the lake, ascending, and the content of each."""

    keys: np.ndarray
    contents: np.ndarray

    def content(self, key: int) -> tuple[bool, int | None]:
        """Whether there is a row of the key, and its content; SEVERAL if there are more."""
        first = int(np.searchsorted(self.keys, key))
        if first == len(self.keys) or self.keys[first] != key:
            return False, None
        is_single = first + 1 == len(self.keys) or self.keys[first + 1] != key
        return True, int(self.contents[first]) if is_single else SEVERAL


@dataclass(frozen=True)
class Base:
    """The customers that are known at `as_of`, as columns; `rows` has the place of each."""

    as_of: date
    start: date
    rows: Mapping[str, int]
    columns: Mapping[str, Sequence[Any]]
    attributes: frozenset[str]
    states: Mapping[str, str]
    segments: Mapping[str, str]
    known_keys: Mapping[str, KnownKeys]

    @classmethod
    def of(cls, view: LakeView, as_of: date, features: Sequence[Feature]) -> "Base":
        profile = view.profile
        expressions = [feature.expression for feature in features]
        customers = read_facts(view.read, "customers")
        # The others are made anew from the rows of open_activity.
        is_closed = F.least("arrival_date", "event_date") < F.lit(view.first_day)
        tiles = view.read(keys.DAILY_ACTIVITY).where(is_closed)
        totals = totals_as_of(tiles, customers, [as_of], expressions).toArrow()
        states = current_states(view.read, profile, as_of).select("customer_id", "state").toArrow()
        columns = {
            name: totals[name].to_numpy(zero_copy_only=False)
            for name in totals.column_names
            if name not in ("customer_id", "as_of")
        }
        return cls(
            as_of,
            profile.start,
            {name: row for row, name in enumerate(totals["customer_id"].to_pylist())},
            columns,
            frozenset().union(*map(attribute_names, expressions)),
            states=_pairs(states),
            segments=_pairs(view.segments()),
            known_keys=known_keys(view),
        )

    def values(
        self, customer_id: str, activity: Activity, features: Sequence[Feature]
    ) -> list[float]:
        """The customer's features with the activity added; NaN: unknown."""
        row = self.rows[customer_id]
        signed_up = _as_date(self.columns["signup_date"][row])
        assert signed_up is not None
        customer = Customer(
            as_of=self.as_of,
            activity=_WithOpenRows(self, row, activity),
            attributes={name: self.columns[name][row] for name in self.attributes},
            tenure_days=(self.as_of - signed_up).days,
            history_days=(self.as_of - self.start).days,
        )
        values = [evaluate(feature.expression, customer) for feature in features]
        return [np.nan if value is None else float(value) for value in values]

    def decides_state(self, row: Row) -> bool:
        """Whether the customer's state or attributes depend on the row. A purchase brings back who
        has left or lapsed; who is active stays so.
        """
        if row["table"] == "transactions":
            return self.states.get(row["customer_id"]) not in (ACTIVE, RETURNED)
        return row["table"] in DECISIVE

    def is_published(self, customer_id: str) -> bool:
        """Whether the customer has a vector."""
        return self.states.get(customer_id, UNKNOWN) != UNKNOWN

    def is_repeat(self, row: Row) -> tuple[bool, bool]:
        """Whether the lake has a row of the key, and whether the row says the same."""
        known = self.known_keys.get(row["table"])
        is_stored, content = known.content(row["key"]) if known else (False, SEVERAL)
        return is_stored, is_stored and content == row["content"]


@dataclass(frozen=True)
class _WithOpenRows:
    """A customer's activity: the totals of the lake and those of the open rows."""

    base: Base
    row: int
    activity: Activity

    def total(self, measure: str, days: int | None, until: int) -> float:
        units = self._until(measure, until)
        if days is not None:
            units -= self._until(measure, days)
        return units / UNITS

    def _until(self, measure: str, offset: int) -> int:
        """Units of event dates before t - offset, as known at t."""
        t = self.base.as_of
        end = t - timedelta(days=offset)
        added = sum(
            units
            for (event_day, arrival), units in self.activity.get(measure, {}).items()
            if event_day < end and arrival < t
        )
        return int(self.base.columns[total_column(measure, offset)][self.row]) + added

    def last_day(self, measure: str) -> date | None:
        t = self.base.as_of
        by_day: dict[date, int] = {}
        for (event_day, arrival), units in self.activity.get(measure, {}).items():
            if event_day < t and arrival < t:
                by_day[event_day] = by_day.get(event_day, 0) + units
        days = [day for day, units in by_day.items() if units > 0]
        stored = _as_date(self.base.columns[last_column(measure)][self.row])
        return max([*days, *([stored] if stored else [])], default=None)


def open_activity(view: LakeView) -> OpenActivity:
    """The activity by those rows of the lake that happened and arrived on open days."""
    activity = OpenActivity(view.first_day)
    measures = available_measures(view.profile.tables)
    names = {measure.table for measure in measures} & {
        name for name in view.profile.tables if view.has(keys.raw(name))
    }
    first = F.lit(view.first_day)
    is_open = (F.col("arrival_date") >= first) & (F.to_date("event_ts") >= first)
    frames = {
        name: view.read(keys.raw(name)).where(is_open & ~F.col("is_gone")) for name in sorted(names)
    }
    if not frames:
        return activity
    for row in measured_rows(frames, measures, view.profile.start).to_pylist():
        if not row["reason"]:
            activity.add(row)
    return activity


def known_keys(view: LakeView) -> dict[str, KnownKeys]:
    """The keys of the streamed tables."""
    assert view.profile.stream is not None
    return {
        name: _known_keys(name, view.read(keys.raw(name)))
        for name in view.profile.stream.tables
        if view.has(keys.raw(name))
    }


def _known_keys(name: str, raw: DataFrame) -> KnownKeys:
    table = raw.where("NOT is_gone").select(*key_and_content(name, raw)).distinct().toArrow()
    numbers = table["key"].to_numpy()
    order = np.argsort(numbers, kind="stable")
    return KnownKeys(numbers[order], table["content"].to_numpy()[order])


def _pairs(table: pa.Table) -> dict[str, str]:
    names, values = (table.column(place).to_pylist() for place in range(2))
    return dict(zip(names, values, strict=True))


def _as_date(value: Any) -> date | None:
    """A cell of a column of dates; numpy holds them as datetime64, missing ones as NaT."""
    if value is None or (isinstance(value, np.datetime64) and np.isnat(value)):
        return None
    return value.astype("datetime64[D]").item() if isinstance(value, np.datetime64) else value
