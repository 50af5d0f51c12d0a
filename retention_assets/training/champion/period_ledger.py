"""training/test_periods: the ledger of spent test periods. training/churn_champion adds rows, and
none is ever changed. No Spark.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from retention_assets import keys
from retention_assets.modeling.promotion.periods import SpentPeriod
from retention_assets.resources.small_tables import append_small, read_small

# Column -> Arrow type, meaning.
PERIOD_COLUMNS: Mapping[str, tuple[str, str]] = {
    "task": ("string", "The task whose champion was tested."),
    "first_as_of": ("date32", "First as-of day of the rows that tested."),
    "last_as_of": ("date32", "Last as-of day of the rows that tested."),
    "challenger": ("string", "Recipe of the challenger: candidate and parameters."),
    "digest": ("string", "Digest of the challenger's model, as it was tested."),
    "champion": ("string", "Recipe of the champion; empty where there was none."),
    "demands": ("string", "What the gates demanded, as JSON."),
    "labels_through": ("date32", "The newest as-of day that was labeled at the test."),
    "try_number": ("int64", "How often these days had tested a challenger, this time included."),
    "promoted": ("bool", "Whether the challenger passed every gate."),
    "reason": ("string", "The decision as a sentence."),
    "gates": ("string", "The result of each gate with its figures, as JSON."),
}


@dataclass(frozen=True)
class PeriodLedger:
    """The spent test periods of one home, below `root`, the lake."""

    root: str

    def spent(self, task: str) -> list[SpentPeriod]:
        """The task's tests, the oldest first."""
        table = read_small(self.root, keys.TEST_PERIODS)
        rows = [SpentPeriod(**row) for row in table.to_pylist()] if table else []
        of_task = [period for period in rows if period.task == task]
        return sorted(of_task, key=lambda period: (period.last_as_of, period.try_number))

    def add(self, period: SpentPeriod) -> None:
        """Adds one test."""
        import pyarrow as pa

        types = {name: pa.type_for_alias(kind) for name, (kind, _) in PERIOD_COLUMNS.items()}
        schema = pa.schema(list(types.items()))
        append_small(
            self.root, keys.TEST_PERIODS, pa.Table.from_pylist([asdict(period)], schema=schema)
        )


def shown(period: SpentPeriod) -> dict[str, Any]:
    """The row of a page: without the gates, which the champion's page shows."""
    return {name: value for name, value in asdict(period).items() if name != "gates"}
