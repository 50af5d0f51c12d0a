"""Answering requests imports none of the libraries that training uses."""

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


def test_request_path_imports_no_training_library() -> None:
    code = (
        "import sys, serve.http.routes, serve.service, treelite, h5py;"
        f"print(sorted(name for name in {HEAVY!r} if name in sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
