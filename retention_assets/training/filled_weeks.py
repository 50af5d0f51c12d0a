"""Which weeks training/churn_examples has, as a property of its table. A week without any example
has no row that could say so.
"""

import json
from collections.abc import Iterable
from datetime import date

FILLED_WEEKS = "retention.filled_weeks"  # JSON list of as-of Mondays


def weeks_of_property(text: str | None) -> set[date]:
    """The Mondays of a property; none if the table does not have it."""
    return {date.fromisoformat(monday) for monday in json.loads(text or "[]")}


def with_filled(text: str | None, weeks: Iterable[date], first: date, last: date) -> str:
    """The property after the weeks from `first` to `last` were made: of these it has `weeks`."""
    others = {monday for monday in weeks_of_property(text) if not first <= monday <= last}
    return json.dumps(sorted(map(str, others.union(weeks))))
