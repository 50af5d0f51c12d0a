"""The ledger of spent periods: what is added is read back, by task and in order."""

from dataclasses import replace
from datetime import date
from pathlib import Path

from retention_assets.modeling.promotion.periods import SpentPeriod
from retention_assets.training.champion.period_ledger import PERIOD_COLUMNS, PeriodLedger, shown

PERIOD = SpentPeriod(
    task="churn",
    first_as_of=date(2024, 5, 6),
    last_as_of=date(2024, 5, 27),
    challenger="a",
    digest="of a",
    champion="",
    demands="{}",
    labels_through=date(2024, 5, 27),
    try_number=1,
    promoted=False,
    reason="Nothing is promoted.",
    gates="[]",
)


def test_spent_periods_are_read_back_in_order(tmp_path: Path) -> None:
    ledger = PeriodLedger(str(tmp_path))
    assert ledger.spent("churn") == []
    second = replace(PERIOD, challenger="b", try_number=2)
    later = replace(PERIOD, first_as_of=date(2024, 6, 3), last_as_of=date(2024, 6, 24))
    for period in (later, second, PERIOD, replace(PERIOD, task="fraud")):
        ledger.add(period)
    assert ledger.spent("churn") == [PERIOD, second, later]


def test_every_column_is_described() -> None:
    assert set(PERIOD_COLUMNS) == set(vars(PERIOD))
    assert set(shown(PERIOD)) == set(PERIOD_COLUMNS) - {"gates"}
