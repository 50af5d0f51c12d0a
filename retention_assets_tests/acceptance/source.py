"""The shared platform's small simulated source: its size, its profile, and later deliveries."""

from datetime import date
from pathlib import Path

from retention_assets.settings import Settings
from retention_assets.simulation.arrow_tables import SCHEMAS
from retention_assets.simulation.simulator import simulate

CUSTOMERS = 1500
DAYS = 150
SHIFTED_DAYS = 280
# Short windows, so that half a year holds enough matured weeks.
_HEAD = """
name: simulated
start: 2024-01-01
end: 2025-12-31
churn: {kind: cancellation, horizon_days: 30, reporting_lag_days: 0}
tables:
"""
_TABLE = (
    "  {name}: {{path: '{name}/*.parquet', "
    "day_from_filename: '(\\d{{4}}-\\d{{2}}-\\d{{2}})\\.parquet'}}\n"
)
PROFILE = _HEAD + "".join(_TABLE.format(name=name) for name in SCHEMAS)


def deliver_shifted_days(settings: Settings, shift_on: date) -> None:
    """Writes the days after the first `DAYS`, in which other things make customers leave, beside
    the source's folder and moves the files in, as a delivery would.
    """
    delivery = Path(settings.home) / "delivery"
    simulate(
        delivery,
        customers=CUSTOMERS,
        days=DAYS + SHIFTED_DAYS,
        seed=settings.simulated_seed,
        first_day=DAYS,
        shift_on=shift_on,
    )
    for file in sorted(delivery.glob("*/*.parquet")):
        file.replace(settings.simulated_dir / file.parent.name / file.name)
