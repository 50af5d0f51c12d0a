"""The request path holds none of the training's libraries."""

import subprocess
import sys

HEAVY = (
    "dagster",
    "mlflow",
    "pandas",
    "pyspark",
    "ray",
    "retention_assets",
    "sklearn",
    "tensorflow",
    "xgboost",
)


def test_answering_loads_no_library_of_training() -> None:
    code = (
        "import sys, serve.http.routes, serve.service, treelite, h5py;"
        f"print(sorted(name for name in {HEAVY!r} if name in sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
