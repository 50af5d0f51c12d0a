"""What the stream's vectors are computed from at one time: a publication, the lake behind it, and
all open rows. Nothing is written here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from retention_assets.features.availability import available_features
from retention_assets.features.declarations import FEATURES, Feature
from retention_assets.features.measures import available_measures
from retention_assets.features.stream.base import Base, open_activity
from retention_assets.features.stream.lake_view import LakeView, Texts
from retention_assets.features.stream.measured_rows import measured_rows
from retention_assets.features.stream.open_activity import OpenActivity, Row
from retention_assets.ingestion.stream.delivery import Line
from retention_assets.ingestion.stream.open_rows import OpenLine, OpenRows
from retention_assets.sources.profile import Profile
from retention_assets.validation.watermark import event_tables

LINES_AT_ONCE = 50_000  # bounds the memory of one reading


@dataclass
class Current:
    """`description`: of the publication. `features`: those of it that the source can fill, in its
    order. `newest_day`: of an event in the open rows; None: there is none. `waiting`: customers
    whose vectors are to be written, in order.
    """

    description: Mapping[str, Any]
    features: Sequence[Feature]
    view: LakeView
    base: Base
    activity: OpenActivity
    newest_day: date | None = None
    waiting: dict[str, None] = field(default_factory=dict)

    @classmethod
    def of(
        cls, view: LakeView, description: Mapping[str, Any], newest_day: date | None
    ) -> "Current":
        """Without open rows. `newest_day`: of an event in them, as far as it is known."""
        available = {item.name: item for item in available_features(FEATURES, view.profile.tables)}
        features = [available[name] for name in description["names"] if name in available]
        as_of = _as_of(description, newest_day)
        base = Base.of(view, as_of, features)
        return cls(description, features, view, base, open_activity(view))

    @property
    def is_of_today(self) -> bool:
        """Whether its base is as of the day after the newest event."""
        return _as_of(self.description, self.newest_day) == self.base.as_of

    def add(self, rows: Iterable[Row]) -> None:
        """Adds rows to the activity, and has their customers wait."""
        events = frozenset(event_tables(list(self.view.profile.tables)))
        for row in rows:
            if row["reason"]:
                continue
            is_stored, is_repeat = self.base.is_repeat(row)
            if not is_repeat:
                is_complex = is_stored or self.base.decides_state(row)
                self.activity.add(row, is_complex=is_complex)
            self.waiting[row["customer_id"]] = None
            if row["table"] in events:
                self.newest_day = max(self.newest_day or row["event_day"], row["event_day"])

    def is_simple(self, customer_id: str) -> bool:
        """Whether the customer's open rows only add something to what the lake has."""
        return customer_id not in self.activity.complex


def add_open_rows(current: Current, open_rows: OpenRows, number: int) -> int:
    """Adds the open rows after a number. Returns the number of the last one."""
    while lines := open_rows.after(number, LINES_AT_ONCE):
        current.add(measured_lines(current.view, open_rows, lines))
        number = lines[-1].number
    return number


def measured_lines(
    view: LakeView, open_rows: OpenRows, lines: Sequence[Line] | Sequence[OpenLine]
) -> list[dict[str, Any]]:
    """The rows that the lines give, as `measured_rows` describes them."""
    texts = texts_by_table(lines)
    if not texts:
        return []
    frames = {}
    for table, of_table in texts.items():
        days = {day for day, _ in of_table} | set(open_rows.days(table))
        frames[table] = view.rows(table, of_table, sorted(days))
    profile: Profile = view.profile
    measures = available_measures(profile.tables)
    return measured_rows(frames, measures, profile.start).to_pylist()


def texts_by_table(lines: Iterable[Line] | Iterable[OpenLine]) -> dict[str, Texts]:
    """Table -> day of delivery and text of each line."""
    by_table: dict[str, list[tuple[date, str]]] = {}
    for line in lines:
        by_table.setdefault(line.table, []).append((line.day, line.text))
    return dict(by_table)


def _as_of(description: Mapping[str, Any], newest_day: date | None) -> date:
    """The day after the newest event, or that of the publication if it is later."""
    published = date.fromisoformat(description["as_of"])
    return max(published, newest_day + timedelta(days=1)) if newest_day else published
