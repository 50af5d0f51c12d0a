"""What one more day costs: raw, validated and tiles, on top of half a year, one year and two years.

A simulated retailer; one process, whose Spark has started before anything is measured. Usage:
`python benchmarks/increment.py [CUSTOMERS]`; the default is 50,000.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from statistics import median
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

STAGES = {"raw": ingestion, "validated": validation, "tiles": features}
HISTORIES = {"half a year": 182, "one year": 365, "two years": 730}
REPEATS = 3  # days of each history, of which the median is reported; the first one warms up
SEED = 7
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def materialize(platform: Platform, lake: Lake, first: date, last: date) -> dict[str, float]:
    """Stage -> seconds that a run of its daily assets over these days takes."""
    seconds = {}
    with dg.DagsterInstance.ephemeral() as instance:
        for name, stage in STAGES.items():
            assets = [
                item
                for item in stage.assets(platform)
                if isinstance(item, dg.AssetsDefinition) and item.partitions_def
            ]
            began = time.monotonic()
            dg.materialize(
                assets,
                resources={"lake": lake},
                tags=range_tags(first, last),
                instance=instance,
                run_config=QUIET,
            )
            seconds[name] = time.monotonic() - began
    return seconds


def measure(platform: Platform, lake: Lake) -> Iterator[dict[str, Any]]:
    """Seconds of each load of the history so far, and of one day on top of it."""
    first = FIRST_DATE
    for history, days in HISTORIES.items():
        last = FIRST_DATE + timedelta(days=days - 1)
        loaded = (last - first).days + 1
        yield _row(f"{loaded} days, up to {history}", materialize(platform, lake, first, last))
        increments = []
        for _ in range(REPEATS):
            last += timedelta(days=1)
            increments.append(materialize(platform, lake, last, last))
        measured = increments[1:]
        medians = {name: median(day[name] for day in measured) for name in STAGES}
        yield _row(f"one day on {history}", medians)
        first = last + timedelta(days=1)


def _row(load: str, seconds: dict[str, float]) -> dict[str, Any]:
    row = {"load": load, **{name: round(value, 2) for name, value in seconds.items()}}
    print(row, file=sys.stderr, flush=True)
    return row | {"seconds": round(sum(seconds.values()), 2)}


def main() -> None:
    customers = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    days = max(HISTORIES.values()) + REPEATS
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder), simulated_customers=customers, simulated_days=days)
        make_simulation(settings.simulated_dir, Simulation(customers, days, SEED), lambda *_: None)
        platform = Platform.of(settings)
        lake = Lake.of(settings)
        lake.spark.range(1).count()
        rows = list(measure(platform, lake))
    whole = sum(row["seconds"] for row in rows[::2])
    rows = [row | {"of_first_load": round(row["seconds"] / whole, 4)} for row in rows]
    publish(__file__, rows, {"customers": customers, "days_per_point": REPEATS - 1})


if __name__ == "__main__":
    main()
