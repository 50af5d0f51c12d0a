"""Load time of the code location, beside `import dagster` and the libraries that it avoids.

Every load is a separate process. The programs take turns in each round, so that other load on the
machine affects all of them alike. Target: 5 s.
"""

import subprocess
import sys
import time
from statistics import median

from report import publish

ROUNDS = 5
LOAD = "from retention_assets.definitions import defs; defs().resolve_asset_graph()"
PROGRAMS = {
    "import dagster": "import dagster",
    "load the code location": LOAD,
    "and import the libraries it avoids": (
        f"{LOAD}; import pyspark, delta, tensorflow, mlflow, ray, great_expectations, xgboost,"
        " sklearn, matplotlib"
    ),
    "dagster definitions validate": (
        "import sys; from dagster._cli import main;"
        "sys.argv[1:] = ['definitions', 'validate', '-m', 'retention_assets.definitions']; main()"
    ),
}


def run_seconds(program: str) -> float:
    """Wall time of a Python program in its own process."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, capture_output=True)
    return time.perf_counter() - started


def main() -> None:
    seconds: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(ROUNDS):
        for name, program in PROGRAMS.items():
            seconds[name].append(run_seconds(program))
    base = median(seconds["import dagster"])
    rows = [
        {
            "load": name,
            "seconds": round(median(values), 2),
            "best_s": round(min(values), 2),
            "ratio": round(median(values) / base, 2),
        }
        for name, values in seconds.items()
    ]
    publish(__file__, rows, {"rounds": ROUNDS})


if __name__ == "__main__":
    main()
