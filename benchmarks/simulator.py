"""Time and peak memory of simulations of several sizes, beside a rewrite of the same files.

The rewrite reads each Parquet file of the simulation and writes it again with pyarrow: the least
time that streaming so many rows can take. Both are separate processes. Target: 100,000 customers x
365 days in 120 s and 4 GiB on 2 cores.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.parquet as pq
from report import publish

SIZES = ((10_000, 365), (100_000, 365))
SIMULATE = """
from pathlib import Path
from retention_assets.simulation.simulator import simulate
simulate(Path({out!r}), customers={customers}, days={days}, seed=7)
"""
REWRITE = """
from pathlib import Path
import pyarrow.parquet as pq
for file in sorted(Path({out!r}).rglob("*.parquet")):
    target = Path({copy!r}) / file.relative_to({out!r})
    target.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pq.read_table(file), target)
"""


def measure(program: str) -> tuple[float, float]:
    """Wall seconds and peak memory in GiB of a Python program in its own process."""
    started = time.perf_counter()
    pid = os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, "-c", program])
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise SystemExit(f"exit status {status}: {program}")
    return time.perf_counter() - started, usage.ru_maxrss / 2**20


def main() -> None:
    rows = []
    for customers, days in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            out = str(Path(folder) / "simulation")
            copy = str(Path(folder) / "copy")
            program = SIMULATE.format(out=out, customers=customers, days=days)
            seconds, peak_gib = measure(program)
            rewrite_seconds, rewrite_peak_gib = measure(REWRITE.format(out=out, copy=copy))
            count = sum(pq.read_metadata(file).num_rows for file in Path(out).rglob("*.parquet"))
        rows.append(
            {
                "simulation": f"{customers:,} customers x {days} days",
                "rows": count,
                "seconds": round(seconds, 1),
                "peak_gib": round(peak_gib, 2),
                "rewrite_s": round(rewrite_seconds, 1),
                "rewrite_peak_gib": round(rewrite_peak_gib, 2),
                "ratio": round(seconds / rewrite_seconds, 2),
            }
        )
    publish(__file__, rows, {"target": {"seconds": 120, "gib": 4}})


if __name__ == "__main__":
    main()
