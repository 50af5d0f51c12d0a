"""The untouched periods that are spent: which weeks tested which recipe, with what result.

A period tests one challenger against the champion and is spent then. The next one opens when enough
new as-of dates have matured. Without a champion the same dates may test again, as after a changed
setting, but each try makes the intervals wider. Reads and stores nothing.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date

from retention_assets.modeling.examples import Examples
from retention_assets.modeling.promotion.evidence import GateResult
from retention_assets.modeling.task import Task


@dataclass(frozen=True, kw_only=True)
class SpentPeriod:
    """One test. `challenger`, `champion`: recipes; `champion` is empty where there was none.

    `digest`: of the challenger's model, which says what it was trained on. `demands`: what the
    gates demanded. `first_as_of`, `last_as_of`: the dates of the rows. `labels_through`: the newest
    as-of date that was labeled. `try_number`: how often these dates had tested a challenger, this
    time included. `gates`: JSON of their results.
    """

    task: str
    first_as_of: date
    last_as_of: date
    challenger: str
    digest: str
    champion: str
    demands: str
    labels_through: date
    try_number: int
    promoted: bool
    reason: str
    gates: str

    @property
    def gate_results(self) -> list[GateResult]:
        """What each gate answered."""
        return [GateResult(**row) for row in json.loads(self.gates)]


def gates_as_json(gates: Sequence[GateResult]) -> str:
    """The gates' results as SpentPeriod keeps them."""
    return json.dumps([asdict(gate) | {"details": dict(gate.details)} for gate in gates])


def span_of(rows: Examples) -> tuple[date, date]:
    """The first and the last as-of date of the rows."""
    first, last = (day.astype(object) for day in (rows.as_of.min(), rows.as_of.max()))
    return first, last


def demands_of(task: Task) -> str:
    """What the gates demand of a challenger, as JSON: another demand is another test."""
    return json.dumps(
        {
            "gates": [gate.name for gate in task.gates],
            "calibration_tolerance": task.calibration_tolerance,
            "max_latency_ratio": task.max_latency_ratio,
            "bootstrap_rounds": task.bootstrap_rounds,
            "profit_assumes_that": task.utility.assumption,
            "capacity_share": task.utility.capacity_share,
        }
    )


def same_test(
    spent: Sequence[SpentPeriod], test: Examples, task: Task, *, digest: str, champion: str
) -> SpentPeriod | None:
    """The test of the same models by the same rows and demands, if there was one. Its result holds:
    to materialize again is no new try.
    """
    key = (*span_of(test), digest, champion, demands_of(task))
    for period in spent:
        known = (period.first_as_of, period.last_as_of, period.digest, period.champion)
        if key == (*known, period.demands):
            return period
    return None


def tries_before(spent: Sequence[SpentPeriod], test: Examples) -> int:
    """How many tests had at least one as-of date in common with these rows."""
    first, last = span_of(test)
    return sum(period.first_as_of <= last and first <= period.last_as_of for period in spent)
