"""Delta's jars: fetched once from Maven Central by Spark's own resolver into a folder of ours, then always offline."""

import shutil
import subprocess
import sys
from pathlib import Path

from retention_assets.errors import SetupError

DELTA_PACKAGE = "io.delta:delta-spark_4.2_2.13:4.4.0"
# The others of Delta's 33 dependencies lie in Spark's own distribution already.
NEEDED = (
    "delta-spark_4.2_2.13-4.4.0",
    "delta-storage-4.4.0",
    "delta-kernel-api-4.4.0",
    "delta-kernel-defaults-4.4.0",
    "delta-kernel-unitycatalog-4.4.0",
    "unitycatalog-client-0.6.0",
    "unitycatalog-hadoop-0.6.0",
    "jts-core-1.20.0",
)
RESOLVE = """
import sys
from pyspark.sql import SparkSession
SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").config("spark.jars.packages", sys.argv[1]) \\
    .config("spark.jars.ivy", sys.argv[2]).getOrCreate().stop()
"""
FETCH_S = 600


def jars_folder() -> Path:
    """Beside the installed packages, so that every home of one clone shares the jars."""
    return Path(sys.prefix) / "share" / "retention-jars"


def missing_jars(folder: Path) -> list[str]:
    """Names of the needed jars that are not in the folder."""
    return [name for name in NEEDED if not (folder / f"{name}.jar").exists()]


def fetch_jars(folder: Path, java_home: Path) -> None:
    """Brings the needed jars into the folder. Raises SetupError when Maven Central cannot be reached."""
    if not missing_jars(folder):
        return
    ivy = folder / "ivy"
    ivy.mkdir(parents=True, exist_ok=True)
    environment = {
        "JAVA_HOME": str(java_home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PATH": "/usr/bin:/bin",
    }
    command = [sys.executable, "-c", RESOLVE, DELTA_PACKAGE, str(ivy)]
    try:
        said = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=FETCH_S, check=False
        ).stderr.strip()[-400:]
    except subprocess.TimeoutExpired:
        said = f"nothing came in {FETCH_S} s"
    for name in NEEDED:
        for jar in (ivy / "jars").glob(f"*_{name}.jar"):
            jar.replace(folder / f"{name}.jar")  # whole or not at all
    shutil.rmtree(ivy)
    if missing := missing_jars(folder):
        raise SetupError(
            f"Delta's jars could not be fetched ({', '.join(missing)}): {said}",
            f"Let this machine reach Maven Central once, or copy the jars into {folder}.",
        )
