"""On which day a label is read: when it is final, and the table that it is read from has been
delivered so far. Dates in, dates out.

A feed that stops for a month and then brings everything at once reports late, but no later than
labels can wait for it. So a label that is final in that month is read once the feed has caught up;
otherwise those who left in it would count as stayers for good.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from retention_assets.sources.ledger import LedgerContent

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Delivery:
    """A source file with rows: the day up to which it delivers its table, and when it arrived."""

    through: date
    arrived: date


def deliveries(
    content: LedgerContent, table: str, arrived: Mapping[str, date]
) -> Sequence[Delivery]:
    """The table's files. `arrived`: path -> the first day on which one of its rows arrived."""
    through = {
        entry.path: entry.through
        for entry in content.readings
        if entry.table == table and entry.through
    }
    return [Delivery(through[path], day) for path, day in arrived.items() if path in through]


def reading_day(final: date, files: Sequence[Delivery]) -> date:
    """The first day at whose start a label that is final on `final` can be read: what its table
    delivers through the day before has arrived.

    Files without rows are not among these. Where only they deliver the table that far, the label
    waits for all others that have arrived.
    """
    last = final - DAY
    covering = [file.arrived for file in files if file.through >= last]
    arrived = min(covering) if covering else max((file.arrived for file in files), default=last)
    return max(final, arrived + DAY)
