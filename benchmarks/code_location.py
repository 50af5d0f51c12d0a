"""How long the code location takes to load, beside what it is made of: bare `import dagster`, and with what it keeps out.

Every load is a process of its own; rounds take turns, so that what else the machine does hits all alike. Target: 5 s.
"""

import subprocess
import sys
import time
from statistics import median

from report import publish

ROUNDS = 5
PROGRAMS = {
    "import dagster": "import dagster",
    "load the code location": "from retention_assets.definitions import defs; defs().resolve_asset_graph()",
    "and the libraries it keeps out": (
        "from retention_assets.definitions import defs; defs().resolve_asset_graph();"
        "import pyspark, delta, tensorflow, mlflow, ray, great_expectations, xgboost, sklearn, matplotlib"
    ),
    "dagster definitions validate": "import sys; from dagster._cli import main; sys.argv[1:] = ['definitions', 'validate', '-m',"
    " 'retention_assets.definitions']; main()",
}


def seconds(program: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> None:
    took: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(ROUNDS):
        for name, program in PROGRAMS.items():
            took[name].append(seconds(program))
    base = median(took["import dagster"])
    rows = [
        {
            "load": name,
            "seconds": round(median(each), 2),
            "best_s": round(min(each), 2),
            "ratio": round(median(each) / base, 2),
        }
        for name, each in took.items()
    ]
    publish(__file__, rows, {"rounds": ROUNDS})


if __name__ == "__main__":
    main()
