"""What one more day costs: raw, validated and tiles, on top of one and of two years of days.

A simulated retailer; one process, whose Spark has started before anything is measured. Usage:
`python benchmarks/increment.py [CUSTOMERS]`; the default is 50,000.
"""

import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
from report import publish

from retention_assets.automation.backlog import range_tags
from retention_assets.features import assets as features
from retention_assets.ingestion import assets as ingestion
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.settings import Settings
from retention_assets.simulation.simulator import FIRST_DATE
from retention_assets.simulation.source_folder import Simulation, make_simulation
from retention_assets.validation import assets as validation

YEAR = 365
REPEATS = 3  # days, of which the median is reported
SEED = 7
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def materialize(platform: Platform, lake: Lake, first: date, last: date) -> float:
    """Seconds that a run of all daily assets over these days takes."""
    stages = (ingestion, validation, features)
    assets = [item for stage in stages for item in stage.assets(platform)]
    daily = [
        item for item in assets if isinstance(item, dg.AssetsDefinition) and item.partitions_def
    ]
    began = time.monotonic()
    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize(
            daily,
            resources={"lake": lake},
            tags=range_tags(first, last),
            instance=instance,
            run_config=QUIET,
        )
    return time.monotonic() - began


def main() -> None:
    customers = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    days = 2 * YEAR + 2 * REPEATS
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder), simulated_customers=customers, simulated_days=days)
        make_simulation(settings.simulated_dir, Simulation(customers, days, SEED), lambda *_: None)
        platform = Platform.of(settings)
        lake = Lake.of(settings)
        lake.spark.range(1).count()
        rows = measure(platform, lake)
    notes = {"customers": customers, "days_per_point": REPEATS}
    publish(__file__, rows, notes)


def measure(platform: Platform, lake: Lake) -> list[dict[str, Any]]:
    """Seconds of each load, and as a share of the first one."""
    rows: list[dict[str, Any]] = []
    day = FIRST_DATE
    for year in ("one year", "two years"):
        last = day + timedelta(days=YEAR - 1)
        rows.append({"load": f"{YEAR} days, up to {year}"})
        rows[-1]["seconds"] = round(materialize(platform, lake, day, last), 1)
        increments = []
        for _ in range(REPEATS):
            last += timedelta(days=1)
            increments.append(materialize(platform, lake, last, last))
        rows.append({"load": f"one day on {year}", "seconds": round(sorted(increments)[1], 1)})
        day = last + timedelta(days=1)
    return [row | {"of_first": round(row["seconds"] / rows[0]["seconds"], 3)} for row in rows]


if __name__ == "__main__":
    main()
