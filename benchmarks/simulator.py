"""What the simulator costs: seconds and peak memory of worlds of several sizes, beside a bare rewrite of the same files.

The rewrite reads each Parquet file that the simulation left and writes it again with pyarrow: the least that streaming so
many rows can take. Each is a process of its own. Target: 100,000 customers x 365 days in 120 s and 4 GiB on 2 cores.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.parquet as pq
from report import publish

WORLDS = ((10_000, 365), (100_000, 365))
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


def cost(program: str) -> tuple[float, float]:
    """Wall seconds and peak GiB of a process of its own."""
    began = time.perf_counter()
    pid = os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, "-c", program])
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise SystemExit(f"exit status {status}: {program}")
    return time.perf_counter() - began, usage.ru_maxrss / 2**20


def main() -> None:
    rows = []
    for customers, days in WORLDS:
        with tempfile.TemporaryDirectory() as folder:
            out, copy = str(Path(folder) / "world"), str(Path(folder) / "copy")
            seconds, peak = cost(SIMULATE.format(out=out, customers=customers, days=days))
            bare, bare_peak = cost(REWRITE.format(out=out, copy=copy))
            count = sum(pq.read_metadata(file).num_rows for file in Path(out).rglob("*.parquet"))
        size = f"{customers:,} customers x {days} days"
        world = {
            "world": size,
            "rows": count,
            "seconds": round(seconds, 1),
            "peak_gib": round(peak, 2),
        }
        rewrite = {
            "rewrite_s": round(bare, 1),
            "rewrite_peak_gib": round(bare_peak, 2),
            "ratio": round(seconds / bare, 2),
        }
        rows.append(world | rewrite)
    publish(__file__, rows, {"target": {"seconds": 120, "gib": 4}})


if __name__ == "__main__":
    main()
